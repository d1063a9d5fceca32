//! Archiving, when something comes in between. Promises: a file that is there may be all that there is of its events, and is
//! never written over; what was interrupted is finished, and leaves nothing behind.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use avanzacast_tests::{Stack, eventually, on_both_databases};
use serde_json::{Value, json};

const ALL: [&str; 3] = ["archive", "--before", "2099-01-01T00:00:00Z"];

/// Waits until a first tile can be archived.
pub async fn until_archivable(stack: &Stack, size: usize) {
    stack.until_signed(size).await;
    stack.until_relayed().await;
    let followed = "SELECT min(position) FROM reactor";
    eventually("all are done with them", async || stack.query(followed).parse::<usize>().unwrap() >= 256).await;
}

/// Archives, and answers the file with the events.
pub fn archived(stack: &Stack) -> PathBuf {
    let said: Value = serde_json::from_str(&stack.audited(&[&ALL[..], &["--json"]].concat())).unwrap();
    assert_eq!((&said["first"], &said["last"]), (&json!(1), &json!(256)));
    said["events"].as_str().unwrap().into()
}

/// Makes the database refuse what comes after the files, or lets it go on.
fn interrupt(stack: &Stack, interrupted: bool) {
    let [stop, go_on] = if stack.is_sqlite() {
        let trigger = "BEFORE UPDATE ON ledger_cut BEGIN SELECT RAISE(ABORT, 'interrupted'); END";
        [format!("CREATE TRIGGER interrupted {trigger}"), "DROP TRIGGER interrupted".to_owned()]
    } else {
        let table = "ALTER TABLE ledger_cut";
        [format!("{table} ADD CONSTRAINT interrupted CHECK (seq = 0)"), format!("{table} DROP CONSTRAINT interrupted")]
    };
    stack.query(if interrupted { &stop } else { &go_on });
}

async fn files_are_never_written_over(stack: &Stack) {
    stack.sessions(260).await;
    until_archivable(stack, 260).await;
    let folder = stack.data_dir().join("archive");
    let begin = format!("{}-000000000001-000000000256", stack.query("SELECT ledger_id FROM ledger_head"));
    let file = |name: &str| folder.join(name);
    let (events, proof) = (file(&format!("{begin}.ndjson.zst")), file(&format!("{begin}.proof")));
    let (left, other) = (file(".archiving-a1B2c3.zst"), file("notes"));
    fs::create_dir(&folder).unwrap();
    for file in [&left, &other] {
        fs::write(file, "events").unwrap();
    }
    let lock = File::open(&folder).unwrap();
    lock.lock().unwrap();
    assert!(stack.audit_finds(&ALL).contains("somebody else archives into"));
    assert!(left.exists(), "it may be what that one is writing");
    drop(lock);
    for file in [&events, &proof] {
        fs::write(file, "something else").unwrap();
        assert!(stack.audit_finds(&ALL).contains("is there already"));
        assert_eq!(fs::read(file).unwrap(), b"something else");
        fs::remove_file(file).unwrap();
    }
    assert!(!left.exists() && other.exists(), "what was left is removed, and nothing else");

    interrupt(stack, true);
    let _ = stack.audit_finds(&ALL);
    interrupt(stack, false);
    assert_eq!(stack.ledger().len(), 260);
    let written = [&events, &proof].map(|file| fs::read(file).unwrap());
    // The next proof would be by another checkpoint.
    stack.sessions(1).await;
    until_archivable(stack, 261).await;
    assert_eq!(archived(stack), events);
    assert_eq!([&events, &proof].map(|file| fs::read(file).unwrap()), written);
    assert_eq!(stack.ledger().len(), 261 - 256 + 1);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names, [events, proof, other]);
}

on_both_databases!(files_are_never_written_over, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);
