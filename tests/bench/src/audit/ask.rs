//! Running the program, and reading its output on other cores.

use std::{io::Read, process::Stdio, thread, time::Instant};

use avanzacast_tests::Stack;

use super::Cores;

/// Read at once.
const PIECE: usize = 1024 * 1024;

/// What one run came to.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) seconds: f64,
    pub(super) lines: u64,
    /// The beginning of the output.
    pub(super) said: String,
}

/// Runs `avanzacast audit` on the servers' cores, and panics when it does not end well: a failure is no measurement.
pub(super) fn run(cores: &Cores, stack: &Stack, arguments: &[&str]) -> Measured {
    let start = Instant::now();
    let mut command = stack.audit_command(arguments);
    let mut child = cores.with_servers(|| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut errors = child.stderr.take().unwrap();
    let stderr = thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text).unwrap()
    });
    let (mut stdout, mut piece) = (child.stdout.take().unwrap(), vec![0; PIECE]);
    let (mut lines, mut said) = (0, String::new());
    loop {
        let read = stdout.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        if said.is_empty() {
            said = String::from_utf8_lossy(&piece[..read.min(200)]).into_owned();
        }
        lines += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    let (status, stderr) = (child.wait().unwrap(), stderr.join().unwrap());
    assert!(status.success(), "{arguments:?}: {status}\n{stderr}");
    Measured { seconds: start.elapsed().as_secs_f64(), lines, said }
}

/// Runs `avanzacast audit replay` into `avanzacast audit verify -`, both on the servers' cores.
pub(super) fn replay_verified(cores: &Cores, stack: &Stack) -> Measured {
    let start = Instant::now();
    let (mut replay, mut verify) = (stack.audit_command(&["replay"]), stack.audit_command(&["verify", "-"]));
    let (mut replay, verify) = cores.with_servers(|| {
        let mut replay = replay.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = replay.stdout.take().unwrap();
        (replay, verify.stdin(lines).stdout(Stdio::piped()).spawn().unwrap())
    });
    let output = verify.wait_with_output().unwrap();
    assert!(replay.wait().unwrap().success() && output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    Measured { seconds: start.elapsed().as_secs_f64(), lines: looked_at(&said), said }
}

/// How many events `audit verify` says it has looked at: `size 7`, or `events 3 to 7`.
pub(super) fn looked_at(said: &str) -> u64 {
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [first, last, ..] if said.starts_with("events") => last - first + 1,
        [size, ..] => *size,
        [] => panic!("{said}"),
    }
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
