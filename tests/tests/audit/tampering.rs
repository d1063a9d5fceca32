//! Tampering. Promise: a changed, removed, reordered or inserted event is found and placed; with a checkpoint that somebody
//! kept, a cut end, a history written anew, and an old copy are too. The attacker has the whole database.

use std::{fs, path::PathBuf};

use avanzacast_tests::{Stack, on_both_databases};

/// Two full tiles, and some more.
const EVENTS: usize = 600;
/// In the second tile.
const PLACE: usize = 300;

fn text(line: &str) -> String {
    format!("'{}'", line.replace('\'', "''"))
}

fn put(stack: &Stack, place: usize, line: &str) {
    stack.query(&format!("UPDATE ledger SET body = {} WHERE seq = {place}", text(line)));
}

fn disarm(stack: &Stack) {
    if stack.is_sqlite() {
        for trigger in ["ledger_no_update", "ledger_no_delete", "ledger_only_append"] {
            stack.query(&format!("DROP TRIGGER {trigger}"));
        }
    } else {
        stack.query("ALTER TABLE ledger DISABLE TRIGGER USER");
    }
}

/// A history, all of it signed, and nobody who goes on with it; answers its lines, and the checkpoint.
async fn signed(stack: &Stack) -> (Vec<String>, PathBuf) {
    stack.sessions(EVENTS).await;
    stack.until_signed(EVENTS).await;
    stack.until_indexed().await;
    // Whoever derives would write over what is changed here, or not, as time has it.
    for process in stack.edges.iter().chain(&stack.audits) {
        process.terminate();
    }
    let kept = stack.data_dir().join("kept");
    fs::write(&kept, stack.query("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") + "\n").unwrap();
    (stack.ledger(), kept)
}

/// One thing at a time, each taken back.
fn what_is_changed_is_placed(stack: &Stack, lines: &[String]) {
    let (line, next) = (&lines[PLACE - 1], &lines[PLACE]);
    for (from, to) in [("\"demo\"", "\"dema\""), ("p_", "P_"), ("\"guest\"", "\"host\""), ("minted", "Minted")] {
        put(stack, PLACE, &line.replacen(from, to, 1));
        let found = stack.audit_finds(&["verify"]);
        assert!(found.contains(&format!("event {PLACE} is not what it was")), "{from}: {found}");
    }
    put(stack, PLACE, next);
    put(stack, PLACE + 1, line);
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains(&format!("event {PLACE} should stand here, and event {} does", PLACE + 1)), "{found}");
    put(stack, PLACE, line);
    put(stack, PLACE + 1, next);

    stack.query(&format!("DELETE FROM ledger WHERE seq = {PLACE}"));
    assert!(stack.audit_finds(&["verify"]).contains(&format!("line {PLACE} is missing")));
    stack.query(&format!("INSERT INTO ledger (seq, body) VALUES ({PLACE}, {})", text(line)));

    // One more between two others: the rest moves on, and may say so or not.
    stack.query(&format!("UPDATE ledger SET seq = seq + 1000000 WHERE seq >= {PLACE}"));
    stack.query("UPDATE ledger SET seq = seq - 999999 WHERE seq > 1000000");
    let seq = |place: usize| format!("\"ledgerseq\":\"{place}\"");
    stack.query(&format!("INSERT INTO ledger (seq, body) VALUES ({PLACE}, {})", text(&lines[5])));
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains(&format!("event {PLACE} should stand here, and event 6 does")), "{found}");
    put(stack, PLACE, &lines[5].replacen(&seq(6), &seq(PLACE), 1));
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains(&format!("event {} should stand here, and event {PLACE} does", PLACE + 1)), "{found}");
    stack.query(&format!("DELETE FROM ledger WHERE seq = {PLACE}"));
    stack.query(&format!("UPDATE ledger SET seq = seq + 1000000 WHERE seq > {PLACE}"));
    stack.query("UPDATE ledger SET seq = seq - 1000001 WHERE seq > 1000000");

    // After the last full tile only the head and what was signed know better.
    let last = &lines[EVENTS - 5];
    put(stack, EVENTS - 4, &last.replacen("\"demo\"", "\"dema\"", 1));
    assert!(stack.audit_finds(&["verify"]).contains("is not what it was"));
    put(stack, EVENTS - 4, last);

    stack.query(&format!("INSERT INTO ledger (seq, body) VALUES ({}, {})", EVENTS + 1, text(line)));
    assert!(stack.audit_finds(&["verify"]).contains("after the ledger's end"));
    stack.query(&format!("DELETE FROM ledger WHERE seq = {}", EVENTS + 1));
    let _ = stack.audited(&["verify"]);
}

/// What is derived is no proof by itself, and wrong all the same.
fn what_is_derived_is_compared(stack: &Stack) {
    let row = stack.query("SELECT kind, key FROM ledger_index WHERE seq = 7 AND kind = 'participant'");
    let (kind, key) = row.split_once('|').unwrap();
    stack.query(&format!("DELETE FROM ledger_index WHERE seq = 7 AND kind = '{kind}'"));
    assert!(stack.audit_finds(&["verify"]).contains("the index is not what the events from 1 to"));
    stack.query(&format!("INSERT INTO ledger_index (kind, key, seq) VALUES ('{kind}', '{key}', 7)"));

    let root = stack.query("SELECT root FROM ledger_tile WHERE level = 0 AND n = 1");
    stack.query("UPDATE ledger_tile SET root = (SELECT root FROM ledger_tile WHERE level = 0 AND n = 0) WHERE n = 1");
    assert!(stack.audit_finds(&["verify"]).contains("tile 0/1 is not what the events come to"));
    stack.query(&format!("UPDATE ledger_tile SET root = '{root}' WHERE level = 0 AND n = 1"));
    let _ = stack.audited(&["verify"]);
}

/// A file has nothing but its lines and the checkpoint that comes with it.
fn a_file_is_compared_with_its_checkpoint(stack: &Stack, lines: &[String]) {
    let path = stack.data_dir().join("copy.ndjson");
    let verify = ["verify", "copy.ndjson", "--checkpoint", "kept"];
    let write = |lines: &[String]| fs::write(&path, lines.join("\n") + "\n").unwrap();
    write(lines);
    assert!(stack.audited(&verify).contains("as it was signed with"));
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.to_vec();
        change(&mut lines);
        write(&lines);
        stack.audit_finds(&verify)
    };
    let line = format!("line {PLACE}: event {PLACE} should stand here");
    assert!(changed(&|lines| drop(lines.remove(PLACE - 1))).contains(&line));
    assert!(changed(&|lines| lines.swap(PLACE - 1, PLACE)).contains(&line));
    assert!(changed(&|lines| lines.insert(PLACE - 1, lines[5].clone())).contains(&line));
    let edited = changed(&|lines| lines[PLACE - 1] = lines[PLACE - 1].replacen("\"demo\"", "\"dema\"", 1));
    assert!(edited.contains(&format!("at size {EVENTS} the root is")), "{edited}");
    let part = changed(&|lines| drop(lines.drain(..50)));
    assert!(part.contains(&format!("from event 51 to {EVENTS}, and should go from 1 to {EVENTS}")), "{part}");
    let cut = changed(&|lines| lines.truncate(EVENTS - 10));
    assert!(cut.contains(&format!("it ends with event {}, and {EVENTS} events were signed", EVENTS - 10)), "{cut}");
}

/// All of it but the table of checkpoints, which knows more than the index does.
fn a_cut_end_is_found(stack: &Stack, lines: &[String]) {
    let size = EVENTS - 20;
    let rows = format!("seq > {size}");
    stack.query(&format!("CREATE TABLE kept_index AS SELECT * FROM ledger_index WHERE {rows}"));
    stack.query(&format!("DELETE FROM ledger WHERE {rows}"));
    stack.put_head(&lines[..size]);
    let cut = format!("it ends with event {size}, and {EVENTS} events were signed (the table of checkpoints)");
    assert!(stack.audit_finds(&["verify"]).contains(&cut));
    stack.query(&format!("DELETE FROM ledger_index WHERE {rows}"));
    stack.query(&format!("UPDATE reactor SET position = {size} WHERE name = 'audit'"));
    assert!(stack.audit_finds(&["verify"]).contains(&cut));
    for (seq, line) in (1..).zip(lines).skip(size) {
        stack.query(&format!("INSERT INTO ledger (seq, body) VALUES ({seq}, {})", text(line)));
    }
    stack.put_head(lines);
    stack.query("INSERT INTO ledger_index SELECT * FROM kept_index");
    stack.query("DROP TABLE kept_index");
    stack.query(&format!("UPDATE reactor SET position = {EVENTS} WHERE name = 'audit'"));
    let _ = stack.audited(&["verify"]);
}

/// Bodies, head, tiles, index and table of checkpoints, all of them fitting.
fn a_history_written_anew_is_found(stack: &Stack, lines: &[String]) {
    let mut forged = lines.to_vec();
    let place = EVENTS - 20;
    forged[place - 1] = forged[place - 1].replacen("\"minted\"", "\"Minted\"", 1);
    put(stack, place, &forged[place - 1]);
    stack.put_head(&forged);
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains("was signed (the table of checkpoints)"), "{found}");
    stack.query(&format!("DELETE FROM checkpoint WHERE size >= {place}"));
    let _ = stack.audited(&["verify"]);
    let found = stack.audit_finds(&["verify", "--checkpoint", "kept"]);
    assert!(found.contains(&format!("at size {EVENTS} the root is")) && found.contains("was signed"), "{found}");
    // An older checkpoint in the place of the newest.
    let found = stack.audit_finds(&["prove", "--since", "kept"]);
    assert!(found.contains(&format!("{EVENTS} events were signed, and only")), "{found}");
    put(stack, place, &lines[place - 1]);
}

/// All of it as it was some time ago.
fn an_old_copy_is_found(stack: &Stack, lines: &[String]) {
    let size = EVENTS - 30;
    for table in ["ledger", "ledger_index"] {
        stack.query(&format!("DELETE FROM {table} WHERE seq > {size}"));
    }
    stack.query(&format!("DELETE FROM checkpoint WHERE size > {size}"));
    stack.put_head(&lines[..size]);
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains(&format!("the index is not what the events from {} to", size + 1)), "{found}");
    stack.query(&format!("UPDATE reactor SET position = {size} WHERE name = 'audit'"));
    let _ = stack.audited(&["verify"]);
    let found = stack.audit_finds(&["verify", "--checkpoint", "kept"]);
    assert!(found.contains(&format!("it ends with event {size}, and {EVENTS} events were signed")), "{found}");
}

async fn tampering(stack: &Stack) {
    let (lines, _) = signed(stack).await;
    disarm(stack);
    let whole = stack.audited(&["verify", "--checkpoint", "kept"]);
    assert!(whole.starts_with(&format!("size {EVENTS}\nroot ")) && whole.contains("as it was signed with"), "{whole}");
    what_is_changed_is_placed(stack, &lines);
    what_is_derived_is_compared(stack);
    a_file_is_compared_with_its_checkpoint(stack, &lines);
    a_cut_end_is_found(stack, &lines);
    a_history_written_anew_is_found(stack, &lines);
    an_old_copy_is_found(stack, &lines);
}

mod anywhere {
    use super::*;

    on_both_databases!(tampering, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 0, audits: 1);
}

/// By statements that the database takes: an archive takes the beginning away too, but says so.
async fn a_beginning_that_is_removed(stack: &Stack) {
    let _ = signed(stack).await;
    stack.query("UPDATE ledger_cut SET seq = 512");
    stack.query("DELETE FROM ledger WHERE seq <= 512");
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains("begins with event 513") && found.contains("it was removed"), "{found}");
}

mod beginning {
    use super::*;

    on_both_databases!(a_beginning_that_is_removed, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 0, audits: 1);
}
