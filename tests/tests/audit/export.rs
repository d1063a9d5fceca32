//! Packs of evidence, beside what is told of them with the checkpoints. Promises: a pack that is there is whole, whatever
//! comes of the next one; a pack convinces by itself whichever key signed what it proves.

use std::{fs, path::PathBuf, process::Command};

use avanzacast_tests::{Stack, on_both_databases};

const EVENTS: usize = 5;

/// Packs some events, and answers what the pack's own program says of them.
fn checked(stack: &Stack, out: &str) -> String {
    let _ = stack.audited(&["export", "--to", "3", "--out", out]);
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Command::new("python3").args(arguments).current_dir(folder.path()).output().unwrap();
    let pack = stack.data_dir().join(out);
    assert!(run(&["-m", "zipfile", "-e", pack.to_str().unwrap(), "."]).status.success());
    let output = run(&["verify.py"]);
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn what_is_there_stays(stack: &Stack) {
    let path = |name: &str| -> PathBuf { stack.data_dir().join(name) };
    let pack = fs::read(path("pack.zip")).unwrap();
    let said = stack.audit_finds(&["export", "--room", "nowhere", "--out", "pack.zip"]);
    assert!(said.contains("no event is asked for"), "{said}");
    assert_eq!(fs::read(path("pack.zip")).unwrap(), pack);

    std::os::unix::fs::symlink("/dev/full", path("full")).unwrap();
    let said = stack.audit_finds(&["export", "--out", "full"]);
    assert!(said.contains("full: No space left"), "{said}");
    assert!(path("full").exists() && !path("full").is_file(), "a device is neither removed nor replaced");
    std::os::unix::fs::symlink("pack.zip", path("link.zip")).unwrap();
    let _ = stack.audited(&["export", "--to", "1", "--out", "link.zip"]);
    assert!(path("link.zip").is_symlink());
    assert!(fs::read(path("pack.zip")).unwrap().len() < pack.len());
    let left = |name: std::ffi::OsString| name.as_encoded_bytes().starts_with(b".tmp");
    assert!(!fs::read_dir(stack.data_dir()).unwrap().any(|entry| left(entry.unwrap().file_name())));
}

/// Before anything is signed with a new key, the old one is what counts.
fn a_new_key_takes_nothing_from_a_pack(stack: &Stack) {
    let _ = stack.audited(&["key", "rotate"]);
    assert_eq!(stack.audited(&["key"]).lines().count(), 2);
    let said = checked(stack, "rotated.zip");
    assert!(said.contains("none is missing from 1 to 3"), "{said}");
}

async fn packs(stack: &Stack) {
    stack.sessions(EVENTS).await;
    stack.until_signed(EVENTS).await;
    let said = checked(stack, "pack.zip");
    assert!(said.contains("none is missing from 1 to 3"), "{said}");
    what_is_there_stays(stack);
    a_new_key_takes_nothing_from_a_pack(stack);
}

on_both_databases!(packs, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 0, audits: 1);

/// What was not signed yet cannot be proved, and that is said.
async fn what_is_left_out_is_said(stack: &Stack) {
    stack.sessions(1).await;
    stack.until_signed(1).await;
    stack.sessions(2).await;
    let output = stack.audit(&["export", "--out", "pack.zip"]);
    let [said, beside] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(said, "1 event from 1 to 1: pack.zip\n");
    assert_eq!(beside, "2 events more, after 1, not signed yet: not in the pack\n");
    let output = stack.audit(&["export", "--to", "1", "--json", "--out", "pack.zip"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("\"unsigned\":0") && output.stderr.is_empty(), "{said}");
}

on_both_databases!(what_is_left_out_is_said, [("AUDIT_CHECKPOINT_SECONDS", "3600")], rooms: 0, audits: 1);
