use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::{Value, json};

use crate::client_programs::{python, python_available, source};
use crate::guard::Guard;
use crate::output::Output;

/// Joining takes 0.2 s; an interpreter that starts beside a build takes its time.
const EVENT_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to leave.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Somebody in a room: LiveKit's own client with real WebRTC, in a process of its own. Dropped, they leave.
#[derive(Debug)]
pub struct Participant {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Output,
    joined: Value,
    _guard: Guard,
}

impl Participant {
    /// Whether there can be one, for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        python_available()
    }

    /// Joins the room that the token is for.
    ///
    /// # Errors
    /// What the client says when it is not let in.
    pub fn join(url: &str, token: &str) -> Result<Self, String> {
        let mut command = python("participant");
        command.arg(source("participant").join("participant.py")).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python3 starts");
        let guard = Guard::over(Pid::from_child(&child), "TERM", None);
        let output = Output::default();
        output.capture(child.stdout.take().expect("piped"));
        output.capture(child.stderr.take().expect("piped"));
        let stdin = child.stdin.take();
        let mut participant = Self { child, stdin, output, joined: Value::Null, _guard: guard };
        participant.tell(&json!({ "url": url, "token": token }).to_string());
        let first = participant.wait_for("joined, or refused", |event| ["joined", "refused"].contains(&kind(event)));
        if kind(&first) == "refused" {
            return Err(text(&first, "reason").to_owned());
        }
        participant.joined = first;
        Ok(participant)
    }

    /// Who they are in the room.
    #[must_use]
    pub fn identity(&self) -> &str {
        text(&self.joined, "identity")
    }

    /// What the others see them called.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.joined, "name")
    }

    /// Where they are.
    #[must_use]
    pub fn room(&self) -> &str {
        text(&self.joined, "room")
    }

    /// What the server says that they may do: `canPublish`, `canSubscribe`, `canPublishData`, `hidden`,
    /// `canUpdateMetadata`.
    #[must_use]
    pub fn permissions(&self) -> &Value {
        self.joined.get("permissions").unwrap_or(&Value::Null)
    }

    /// The identities of everybody else who was there when they joined.
    #[must_use]
    pub fn found(&self) -> Vec<&str> {
        let others = self.joined.get("others").and_then(Value::as_array).expect("a list");
        others.iter().map(|other| text(other, "identity")).collect()
    }

    /// Sends everybody a message.
    pub fn send(&mut self, message: &str) {
        self.tell(&format!("data {message}"));
    }

    /// Publishes an audio track.
    ///
    /// # Errors
    /// When it is not published within 5 s, which is how the client notices a refusal.
    pub fn publish(&mut self) -> Result<(), String> {
        self.tell("publish");
        let answers = ["published", "publish refused"];
        let answer = self.wait_for("published, or refused", |event| answers.contains(&kind(event)));
        if kind(&answer) == "published" { Ok(()) } else { Err(text(&answer, "reason").to_owned()) }
    }

    /// Waits until somebody with this identity comes.
    pub fn wait_for_arrival(&self, identity: &str) {
        self.wait_for("came", |event| kind(event) == "came" && text(event, "identity") == identity);
    }

    /// Waits until somebody publishes a track: the identities of all who did so far.
    #[must_use]
    pub fn wait_for_track(&self, identity: &str) -> Vec<String> {
        self.wait_for("publishes", |event| kind(event) == "publishes" && text(event, "identity") == identity);
        self.all("publishes", "identity")
    }

    /// Waits for this message: all that were received so far.
    #[must_use]
    pub fn wait_for_message(&self, message: &str) -> Vec<String> {
        self.wait_for("data", |event| kind(event) == "data" && text(event, "text") == message);
        self.all("data", "text")
    }

    /// Waits until they are out of the room, by whoever's will: why, in LiveKit's words (`PARTICIPANT_REMOVED`).
    #[must_use]
    pub fn wait_for_end(&self) -> String {
        text(&self.wait_for("disconnected", |event| kind(event) == "disconnected"), "reason").to_owned()
    }

    /// Leaves, as a person does.
    pub fn leave(mut self) {
        self.tell("leave");
        assert_eq!(self.wait_for_end(), "CLIENT_INITIATED");
    }

    fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("open until it is dropped");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the participant listens");
    }

    fn all(&self, wanted: &str, member: &str) -> Vec<String> {
        let lines = self.output.lines();
        let events = lines.iter().filter_map(|line| event(line)).filter(|event| kind(event) == wanted);
        events.map(|event| text(&event, member).to_owned()).collect()
    }

    fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + EVENT_LIMIT;
        let found = self.output.wait(deadline, |line| event(line).filter(|event| wanted(event)), || true);
        found.unwrap_or_else(|| panic!("the participant is not {what}:\n{}", self.output.lines().join("\n")))
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        // Its input ends, so it leaves.
        drop(self.stdin.take());
        let deadline = Instant::now() + LEAVE_LIMIT;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() >= deadline {
                drop(self.child.kill());
                drop(self.child.wait());
                return;
            }
            thread::sleep(POLL);
        }
    }
}

fn event(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(Value::is_object)
}

fn kind(event: &Value) -> &str {
    text(event, "event")
}

fn text<'event>(event: &'event Value, member: &str) -> &'event str {
    event.get(member).and_then(Value::as_str).unwrap_or_default()
}
