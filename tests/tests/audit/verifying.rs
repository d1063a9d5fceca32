//! Verifying what the ledger does not have any more, and a ledger that goes on meanwhile. Promises: what is said to be as it
//! was signed has been compared; what is archived is called so; nobody who works is taken for somebody who tampers.

use std::{fs, thread, time::Duration};

use avanzacast_tests::{Postgres, Stack, StackOptions, merkle, on_both_databases, require};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use signed_note::{Note, StandardSigner};

/// Two full tiles, and some more.
const EVENTS: usize = 600;
/// What is archived of them.
const CUT: usize = 512;
/// What was signed long before.
const EARLY: usize = 100;

/// As whoever has the server's key would sign it.
fn sign(stack: &Stack, size: usize, root: &str) -> String {
    let key = fs::read_to_string(stack.data_dir().join("audit/signing.key")).unwrap();
    let signer = StandardSigner::new(key.lines().next().unwrap()).unwrap();
    let vkey = stack.audited(&["key"]);
    let text = format!("{}\n{size}\n{root}\n", vkey.split('+').next().unwrap());
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

fn root(lines: &[String]) -> String {
    STANDARD.encode(merkle::root(&lines.iter().map(merkle::leaf).collect::<Vec<_>>()))
}

/// What was signed below the cut, and what somebody noted, is compared with the hashes that are left.
fn what_was_signed_before_the_cut_is_compared(stack: &Stack, lines: &[String]) {
    let (right, wrong) = (root(&lines[..EARLY]), STANDARD.encode([7; 32]));
    let said = stack.audited(&["verify", "--checkpoint", "early"]);
    assert!(said.contains("as it was signed with"), "{said}");
    let _ = stack.audited(&["verify", "--expect", &format!("{EARLY}:{right}")]);
    let _ = stack.audited(&["verify", "--expect", &format!("{CUT}:{}", root(&lines[..CUT]))]);
    for size in [EARLY, 256, CUT] {
        let found = stack.audit_finds(&["verify", "--expect", &format!("{size}:{wrong}")]);
        assert!(found.contains(&format!("at size {size} the root is")), "{found}");
        fs::write(stack.data_dir().join("other"), sign(stack, size, &wrong)).unwrap();
        let found = stack.audit_finds(&["verify", "--checkpoint", "other"]);
        assert!(found.contains(&format!("at size {size} the root is")) && found.contains("(other)"), "{found}");
    }
    let put = |note: &str| stack.query(&format!("UPDATE checkpoint SET note = '{note}' WHERE size = {EARLY}"));
    put(&sign(stack, EARLY, &wrong));
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains("was signed (the table of checkpoints)"), "{found}");
    put(&sign(stack, EARLY, &right));
    let _ = stack.audited(&["verify"]);
}

/// The tiles are all that is left of what is archived, and what proofs are made of.
fn a_damaged_tile_is_found(stack: &Stack) {
    let hashes = stack.query("SELECT hashes FROM ledger_tile WHERE level = 0 AND n = 1");
    let put =
        |hashes: &str| stack.query(&format!("UPDATE ledger_tile SET hashes = '{hashes}' WHERE level = 0 AND n = 1"));
    let mut damaged = STANDARD.decode(&hashes).unwrap();
    damaged[10 * 32] ^= 1;
    put(&STANDARD.encode(damaged));
    let found = stack.audit_finds(&["verify"]);
    assert!(found.contains("tile 0/1 is not what the events come to"), "{found}");
    for proof in [&["prove", "--seq", "267", "--json"][..], &["prove", "--seq", "268", "--json"]] {
        let found = stack.audit_finds(proof);
        assert!(found.contains("is not what was signed"), "{found}");
    }
    let found = stack.audit_finds(&["prove", "--since", "middle"]);
    assert!(found.contains("is not what was signed"), "{found}");
    put(&hashes);
    let _ = stack.audited(&["prove", "--since", "middle"]);
    stack.query("DELETE FROM ledger_tile WHERE level = 0 AND n = 1");
    assert!(stack.audit_finds(&["verify"]).contains("tile 0/1 is not what the events come to"));
    let root = "(SELECT root FROM ledger_tile WHERE level = 0 AND n = 0)";
    stack.query(&format!("INSERT INTO ledger_tile (level, n, root, hashes) VALUES (0, 1, {root}, '{hashes}')"));
    assert!(stack.audit_finds(&["verify"]).contains("tile 0/1 is not what the events come to"));
}

/// An old signature is named by the key that made it.
fn the_key_that_signed_is_named(stack: &Stack) {
    let signed = stack.audited(&["key"]);
    let keys = stack.audited(&["key", "rotate"]);
    assert_eq!(keys.lines().nth(1), signed.lines().next());
    let said = stack.audited(&["verify", "--checkpoint", "early"]);
    assert!(said.ends_with(&format!("as it was signed with {signed}")), "{said}");
    let said: Value = serde_json::from_str(&stack.audited(&["verify", "--checkpoint", "early", "--json"])).unwrap();
    assert_eq!(said["vkey"], signed.trim());
}

async fn after_an_archive(stack: &Stack) {
    let keep = |name: &str, size: usize| {
        let note = stack.query(&format!("SELECT note FROM checkpoint WHERE size = {size}"));
        fs::write(stack.data_dir().join(name), note + "\n").unwrap();
    };
    stack.sessions(EARLY).await;
    stack.until_signed(EARLY).await;
    keep("early", EARLY);
    stack.sessions(300 - EARLY).await;
    stack.until_signed(300).await;
    keep("middle", 300);
    stack.sessions(EVENTS - 300).await;
    stack.until_signed(EVENTS).await;
    stack.until_followed(CUT).await;
    stack.until_relayed().await;
    let lines = stack.ledger();
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
    what_was_signed_before_the_cut_is_compared(stack, &lines);
    the_key_that_signed_is_named(stack);
    a_damaged_tile_is_found(stack);
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

/// One more event, as it is appended and indexed: the last one again.
fn one_more(stack: &Stack) -> String {
    let mut lines = stack.ledger();
    let (last, next) = (lines.len(), lines.len() + 1);
    let seq = |place: usize| format!("\"ledgerseq\":\"{place}\"");
    lines.push(lines[last - 1].replacen(&seq(last), &seq(next), 1));
    let roots = merkle::frontier(&lines.iter().map(merkle::leaf).collect::<Vec<_>>()).concat();
    let (body, roots) = (lines[last].replace('\'', "''"), data_encoding::HEXLOWER.encode(&roots));
    format!(
        "INSERT INTO ledger (seq, body) VALUES ({next}, '{body}');
        UPDATE ledger_head SET size = {next}, frontier = '\\x{roots}'::bytea;
        INSERT INTO ledger_index SELECT kind, key, {next} FROM ledger_index WHERE seq = {last};
        UPDATE reactor SET position = {next} WHERE name = 'audit'"
    )
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
    // It knows how long the ledger is, and not yet where it begins.
    let said = verified_while(&stack, "ledger_cut", &one_more(&stack)).unwrap();
    assert!(said.starts_with("size 300\n"), "{said}");
    assert!(stack.audited(&["verify"]).starts_with("size 301\n"));
    // It knows where the ledger begins, and has read nothing.
    let archived = "UPDATE ledger_cut SET seq = 256; DELETE FROM ledger WHERE seq <= 256";
    let said = verified_while(&stack, "ledger", archived).unwrap_err();
    assert!(said.contains("has no event 1 any more: it begins at 257"), "{said}");
}
