//! What a log that was given up has archived stays. Promise: the new log's archives take no other's place.

use std::fs;

use avanzacast_tests::{Postgres, Stack, StackOptions, eventually, require};

use super::{command::done, new_log::GIVE_UP, new_log::session, older};
use crate::archiving::{archived, until_archivable};

const EVENTS: usize = 258;

async fn both_logs_archives_are_there(mut stack: Stack) {
    stack.sessions(EVENTS).await;
    until_archivable(&stack, EVENTS).await;
    older::keep(&stack);
    stack.sessions(2).await;
    until_archivable(&stack, EVENTS + 2).await;
    let first = archived(&stack);
    let events = fs::read(&first).unwrap();
    stack.until_relayed().await;
    older::restore(&mut stack);
    eventually("it is noticed", async || session(&stack).await == 503).await;
    let _ = done(&stack, &GIVE_UP);
    eventually("work goes on", async || session(&stack).await == 201).await;
    stack.sessions(EVENTS).await;
    let size = stack.ledger().len();
    until_archivable(&stack, size).await;
    let second = archived(&stack);
    assert_ne!(fs::read(&second).unwrap(), events, "other events, at the same places");
    assert_eq!(fs::read(&first).unwrap(), events);
    for file in [first, second] {
        let _ = stack.audited(&["verify", file.to_str().unwrap()]);
    }
}

fn env() -> Vec<(String, String)> {
    vec![("AUDIT_CHECKPOINT_SECONDS".to_owned(), "1".to_owned())]
}

#[tokio::test]
async fn sqlite() {
    both_logs_archives_are_there(Stack::sqlite_with(env()).await).await;
}

#[tokio::test]
async fn postgres() {
    require!(Postgres::available());
    let options = StackOptions { rooms: 1, audits: 1, env: env(), ..StackOptions::default() };
    both_logs_archives_are_there(Stack::postgres(options).await).await;
}
