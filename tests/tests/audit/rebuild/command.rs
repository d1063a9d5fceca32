//! Running the command line beside a stack.

use std::path::Path;
use std::process::{Command, Output};

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Stack, binary};

pub type Env = Vec<(String, String)>;

/// What an operator has: the database, and the bus as these users; beside `up` only the folder.
pub fn environment(stack: &Stack) -> Env {
    let users = [BusUser::Audit, BusUser::Admin];
    let mut env: Env = stack.nats.iter().flat_map(|nats| users.map(|user| nats.environment(user))).flatten().collect();
    env.push(("DATA_DIR".to_owned(), stack.data_dir().to_str().unwrap().to_owned()));
    env.extend(stack.database.iter().map(|name| ("DATABASE_URL".to_owned(), stack.cluster().url(name))));
    env
}

pub fn audit_in(env: Env, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("audit").args(arguments).env_clear().envs(env).current_dir(folder).output().unwrap()
}

/// The exit code, what was written, and what was said beside it.
pub fn audit(stack: &Stack, arguments: &[&str]) -> (i32, String, String) {
    let output = audit_in(environment(stack), stack.data_dir(), arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Runs it to a good end, and answers what was written.
pub fn done(stack: &Stack, arguments: &[&str]) -> String {
    let (code, written, said) = audit(stack, arguments);
    assert_eq!(code, 0, "{arguments:?}: {written}{said}");
    written
}

/// Runs it to a bad end, and answers what it said about it.
pub fn wrong(stack: &Stack, arguments: &[&str]) -> String {
    let (code, written, said) = audit(stack, arguments);
    assert_eq!(code, 1, "{arguments:?}: {written}{said}");
    said
}

/// A database that is not there yet, beside the stack's own.
pub fn empty(stack: &Stack, name: &str) -> String {
    match &stack.database {
        Some(own) => {
            let name = format!("{own}_{name}");
            stack.cluster().create_database(&name);
            stack.cluster().url(&name)
        }
        None => format!("sqlite:{}", stack.data_dir().join(format!("{name}.db")).display()),
    }
}

/// Rebuilt state is the live one, and says how far that goes.
pub fn assert_rebuilt(stack: &Stack, name: &str, more: &[&str]) -> String {
    let into = empty(stack, name);
    let written = done(stack, &[&["rebuild", "--into", &into], more].concat());
    assert!(written.contains("\nlive     ") && !written.contains("not compared"), "{written}");
    written
}
