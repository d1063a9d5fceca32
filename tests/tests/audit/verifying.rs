//! Verifying what the ledger does not have any more, and a ledger that goes on meanwhile. Promises: what is said to be as it
//! was signed has been compared; what is archived is called so; nobody who works is taken for somebody who tampers.

use std::{thread, time::Duration};

use avanzacast_tests::{Postgres, Stack, StackOptions, on_both_databases, require};
use serde_json::Value;

/// Two full tiles, and some more.
const EVENTS: usize = 600;
/// What is archived of them.
const CUT: usize = 512;

async fn after_an_archive(stack: &Stack) {
    stack.sessions(EVENTS).await;
    stack.until_signed(EVENTS).await;
    stack.until_followed(CUT).await;
    stack.until_relayed().await;
    let said = stack.audited(&["archive", "--before", "2099-01-01T00:00:00Z", "--json"]);
    let archived: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(archived["last"], CUT);
    stack.until_signed(EVENTS + 1).await;
    stack.until_indexed().await;
    // Whoever derives would write over what is changed here, or not, as time has it.
    for process in stack.edges.iter().chain(&stack.audits) {
        process.terminate();
    }
    let file = archived["events"].as_str().unwrap();
    let found = stack.audit_finds(&["verify", file, "--source", "ledger"]);
    assert!(found.contains(&format!("has no event 1 any more: it begins at {}", CUT + 1)), "{found}");
}

on_both_databases!(after_an_archive, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);

/// Verifies while a table cannot be read until something has happened; no longer than a session waits for a lock.
fn verified_while(stack: &Stack, table: &str, happens: &str) -> Result<String, String> {
    let output = thread::scope(|scope| {
        let hold = format!("BEGIN; LOCK TABLE {table}; SELECT pg_sleep(1.5); {happens}; COMMIT");
        let held = scope.spawn(move || stack.query(&hold));
        thread::sleep(Duration::from_millis(500));
        let output = stack.audit(&["verify"]);
        drop(held.join().unwrap());
        output
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// SQLite's readers wait for nobody, so only here is it known when what is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_goes_on_meanwhile_does_not_tamper() {
    require!(Postgres::available());
    let env = vec![("AUDIT_CHECKPOINT_SECONDS".to_owned(), "1".to_owned())];
    let stack = Stack::postgres(StackOptions { audits: 1, env, ..Default::default() }).await;
    stack.sessions(300).await;
    stack.until_signed(300).await;
    stack.until_indexed().await;
    assert!(stack.audits[0].terminate().success());
    // It knows where the ledger begins, and has read nothing.
    let archived = "UPDATE ledger_cut SET seq = 256; DELETE FROM ledger WHERE seq <= 256";
    let said = verified_while(&stack, "ledger", archived).unwrap_err();
    assert!(said.contains("has no event 1 any more: it begins at 257"), "{said}");
}
