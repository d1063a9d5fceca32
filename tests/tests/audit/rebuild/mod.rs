//! State follows from the record. Promises: what is rebuilt from the ledger, or from a file of it, is the live state, after
//! any history; a difference is found, and said.

#![expect(clippy::unwrap_used, reason = "what a test asks for on its way fails the test, too")]

mod archives;
mod command;
mod history;
mod new_log;
mod new_name;
mod older;
mod reconcile;

use std::fs;

use avanzacast_tests::{Stack, on_both_databases};
use command::{assert_rebuilt, done, empty, wrong};
use history::History;
use serde_json::Value;

const STEPS: usize = 150;

fn is_one_of_two(written: &str) -> bool {
    let hashes: Vec<&str> = written.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    hashes.len() == 2 && hashes[0] == hashes[1] && hashes[0].len() == 64
}

async fn any_history(stack: &Stack) {
    let mut history = History::of(stack);
    history.go_on(STEPS).await;
    assert!(is_one_of_two(&assert_rebuilt(stack, "early", &[])), "while LiveKit's messages are still being taken in");
    history.go_on(STEPS).await;
    history.settle().await;
    let written = assert_rebuilt(stack, "late", &[]);
    let size = stack.query("SELECT size FROM ledger_head");
    assert!(written.starts_with(&format!("size     {size}\n")) && is_one_of_two(&written), "{written}");
    let kinds = ["token.registered", "session.consumed", "session.expired", "participant.joined", "broadcast.created"];
    for kind in kinds.into_iter().chain(["person.erased"]) {
        assert!(!stack.events_of_type(kind).is_empty(), "the history has no {kind}");
    }
    a_file_gives_the_same(stack, &written);
    what_is_there_is_not_written_over(stack);
    nothing_of_a_person_is_made_up(stack);
    what_may_be_forgotten_is_not_compared(stack);
    a_difference_is_said(stack);
}

fn a_file_gives_the_same(stack: &Stack, written: &str) {
    let lines = stack.ledger();
    let (first, second) = (stack.data_dir().join("first.ndjson"), stack.data_dir().join("second.ndjson"));
    fs::write(&first, lines[..90].join("\n")).unwrap();
    // They may overlap.
    fs::write(&second, lines[80..].join("\n")).unwrap();
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    assert_eq!(assert_rebuilt(stack, "files", &["--source", first, "--source", second]), written);
    assert_eq!(assert_rebuilt(stack, "both", &["--source", first, "--source", "ledger"]), written);
    let said = wrong(stack, &["rebuild", "--into", &empty(stack, "hole"), "--source", second]);
    assert!(said.contains("event 1 is missing"), "{said}");
    let said = done(stack, &["rebuild", "--into", &empty(stack, "short"), "--source", first]);
    assert!(said.starts_with("size     90\n") && said.contains("not compared"), "{said}");
}

fn what_is_there_is_not_written_over(stack: &Stack) {
    let live = stack.database.as_ref().map_or_else(
        || format!("sqlite:{}", stack.data_dir().join("avanzacast.db").display()),
        |name| stack.cluster().url(name),
    );
    let before = stack.query("SELECT count(*) FROM session");
    assert!(wrong(stack, &["rebuild", "--into", &live]).contains("is not empty"));
    assert_eq!(stack.query("SELECT count(*) FROM session"), before);
}

/// As the file of a stack with SQLite or the database of one with PostgreSQL has it.
fn rebuilt(stack: &Stack, name: &str, sql: &str) -> String {
    match &stack.database {
        Some(own) => stack.cluster().query(&format!("{own}_{name}"), sql),
        None => {
            let program = "import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print('|'.join(map(str, row)))";
            let file = stack.data_dir().join(format!("{name}.db"));
            let output =
                std::process::Command::new("python3").args(["-c", program]).arg(file).arg(sql).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
        }
    }
}

fn nothing_of_a_person_is_made_up(stack: &Stack) {
    assert_eq!(rebuilt(stack, "late", "SELECT count(*) FROM person"), "0");
    assert_eq!(rebuilt(stack, "late", "SELECT count(*) FROM ledger"), "0", "nobody takes it for one to go on with");
    let odd = "SELECT count(*) FROM session WHERE id <> 'rebuilt:' || participant OR token IS NOT NULL";
    assert_eq!(rebuilt(stack, "late", odd), "0");
    assert_ne!(rebuilt(stack, "late", "SELECT count(*) FROM session"), "0");
}

/// As the sweep does a week later: the ledger still tells of them.
fn what_may_be_forgotten_is_not_compared(stack: &Stack) {
    let later = ["--at", "2999-01-01T00:00:00+01:00", "--json"];
    let rows = |name: &str| -> Value {
        let written = done(stack, &[&["rebuild", "--into", &empty(stack, name)], &later[..]].concat());
        serde_json::from_str(&written).unwrap()
    };
    let before = rows("before");
    assert_eq!((&before["live"], &before["difference"]), (&before["rebuilt"], &Value::Null));
    stack.query("DELETE FROM session WHERE state <> 'open'");
    stack.query("DELETE FROM presence WHERE forget_at IS NOT NULL");
    assert_eq!(rows("after"), before);
    assert!(before["live"]["rows"].as_u64() > Some(0));
    let said = wrong(stack, &["rebuild", "--into", &empty(stack, "now")]);
    assert!(said.contains("they differ"), "now they may not be forgotten yet: {said}");
}

/// Whoever changes state past the ledger is found out.
fn a_difference_is_said(stack: &Stack) {
    let one = "(SELECT min(participant) FROM session)";
    stack.query(&format!("UPDATE session SET room = 'elsewhere' WHERE participant = {one}"));
    let later = ["--at", "2999-01-01T00:00:00Z"];
    let said = wrong(stack, &[&["rebuild", "--into", &empty(stack, "differs")], &later[..]].concat());
    let participant = stack.query("SELECT min(participant) FROM session");
    assert!(said.contains("elsewhere") && said.contains(&participant) && said.contains("rebuilt has"), "{said}");
}

on_both_databases!(any_history, [], rooms: 1);
