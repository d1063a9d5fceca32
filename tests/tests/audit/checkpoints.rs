//! Checkpoints, tiles and proofs. Promises: what the ledger was is signed when it has grown, served, and kept outside; whoever
//! trusts nobody here checks it with programs that others wrote; a history that is not the one that was signed is signed no
//! more; an archive takes nothing away that can be proved.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use avanzacast_tests::{
    Postgres, Stack, StackOptions, eventually, http_client,
    merkle::{Hash, leaf, root},
    on_both_databases, pymerkle_check, require, workspace_root,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const EVENTS: usize = 300;

async fn auditor(stack: &Stack, path: &str) -> String {
    stack.api().with_secret(stack.secret()).get(path).await.expect(200).text
}

/// Go's libraries, which know nothing of us.
fn go(arguments: &[&str], folder: &Path) -> Result<(), String> {
    let kept = ["PATH", "HOME", "GOPROXY", "GOFLAGS", "GONOSUMDB", "GOSUMDB", "GOMODCACHE", "GOCACHE"];
    let kept = kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let program = folder.join("transparency");
    if !program.exists() {
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&program).arg(".").env_clear().envs(kept);
        let built = build.current_dir(workspace_root().join("tests/clients/transparency")).output().unwrap();
        assert!(built.status.success(), "{built:?}");
    }
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn go_available() -> Result<(), String> {
    let found = Command::new("go").arg("version").output();
    found
        .map(drop)
        .map_err(|error| format!("Go is not installed ({error}): its checksum database's library checks ours"))
}

fn python(script: &Path, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("python3").arg(script).args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr }).into_owned()
}

async fn what_is_served_is_what_was_signed(stack: &Stack) {
    let note = auditor(stack, "/checkpoint").await;
    let mut lines = note.lines();
    let key: Value = serde_json::from_str(&auditor(stack, "/api/audit/key").await).unwrap();
    assert_eq!(lines.next(), key["origin"].as_str());
    assert_eq!(lines.next(), Some(EVENTS.to_string().as_str()));
    let whole = stack.audited(&["verify"]);
    assert_eq!(whole, format!("size {EVENTS}\nroot {}\n", lines.next().unwrap()));
    assert_eq!(stack.audited(&["key"]), format!("{}\n", key["vkey"].as_str().unwrap()));

    let lines = stack.ledger();
    let api = stack.api().with_secret(stack.secret());
    for (path, from, to) in [("/tile/0/000", 0, 256), ("/tile/0/001.p/44", 256, 300), ("/tile/0/001.p/43", 256, 299)] {
        let leaves: Vec<Hash> = lines[from..to].iter().map(leaf).collect();
        assert_eq!(tile(stack, path).await, leaves, "{path}");
    }
    for none in ["/tile/0/001", "/tile/0/001.p/45", "/tile/0/002.p/1", "/tile/1/000", "/tile/x/000", "/tile/0/0"] {
        api.get(none).await.problem(404, "not_found");
    }
    assert_eq!(auditor(stack, "/api/audit/proof/7").await.matches("tlog-proof@v1").count(), 1);
    api.get("/api/audit/proof/301").await.problem(404, "not_found");
}

async fn tile(stack: &Stack, path: &str) -> Vec<Hash> {
    let tile = http_client().build().unwrap().get(format!("{}{path}", stack.api().base()));
    let tile = tile.header("x-backend-secret", stack.secret()).send().await.unwrap();
    assert_eq!(tile.status(), 200, "{path}");
    tile.bytes().await.unwrap().as_chunks::<32>().0.to_vec()
}

/// Whoever kept a checkpoint checks it with the tiles that it speaks of, however far the log has gone on since.
async fn an_older_checkpoint_is_still_proved(stack: &Stack, note: &str) {
    let newest = auditor(stack, "/checkpoint").await;
    assert_ne!(newest, note);
    let (size, hash) = {
        let mut lines = note.lines().skip(1);
        (lines.next().unwrap(), lines.next().unwrap())
    };
    let size: usize = size.parse().unwrap();
    let mut leaves = tile(stack, "/tile/0/000").await;
    leaves.extend(tile(stack, &format!("/tile/0/001.p/{}", size - 256)).await);
    assert_eq!(STANDARD.encode(root(&leaves)), hash);
    let entries = format!("/tile/entries/001.p/{}", size - 256);
    stack.api().with_secret(stack.secret()).get(&entries).await.expect(200);
}

/// The key is the server's own, and nobody else's to read.
fn the_key_is_kept(stack: &Stack) {
    let path = stack.data_dir().join("audit/signing.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.starts_with("PRIVATE+KEY+avanzacast/") && kept.lines().count() == 1);
    // Base64 may hold a plus.
    let secret = kept.trim().splitn(5, '+').last().unwrap().to_owned();
    let processes = stack.edges.iter().chain(&stack.workers).chain(&stack.audits);
    assert!(processes.flat_map(avanzacast_tests::Process::logs).all(|line| !line.contains(&secret)));
}

fn others_agree(stack: &Stack) {
    let folder = stack.data_dir();
    let key = stack.audited(&["key"]);
    let key = key.trim();
    let _ = stack.audited(&["prove", "--seq", "17"]);
    let id = serde_json::from_str::<Value>(&stack.ledger()[279]).unwrap()["id"].as_str().unwrap().to_owned();
    let _ = stack.audited(&["prove", "--event", &id]);
    for seq in ["17", "280"] {
        go(&["inclusion", key, &format!("{seq}.json"), &format!("{seq}.tlog-proof")], folder).unwrap();
    }
    assert!(go(&["inclusion", key, "17.json", "280.tlog-proof"], folder).unwrap_err().contains("invalid"));
    let old = stack.query("SELECT note FROM checkpoint ORDER BY size LIMIT 1") + "\n";
    fs::write(folder.join("old"), old).unwrap();
    fs::write(folder.join("consistency"), stack.audited(&["prove", "--since", "old"])).unwrap();
    go(&["consistency", key, "old", "consistency"], folder).unwrap();

    fs::write(folder.join("record.ndjson"), stack.audited(&["replay", "--source", "ledger"])).unwrap();
    let newest = stack.query("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") + "\n";
    fs::write(folder.join("newest"), newest).unwrap();
    let verify = workspace_root().join("tests/clients/verify.py");
    let said = python(&verify, &["record.ndjson", "newest"], folder);
    assert_eq!(said, stack.audited(&["verify"]));
}

/// A tree that Python's pymerkle makes of the events, and what it says of our proofs.
fn python_agrees(stack: &Stack) {
    let read = |name: &str| fs::read_to_string(stack.data_dir().join(name)).unwrap();
    let consistency = read("consistency");
    let hashes: Vec<&str> = consistency.split("\n\n").next().unwrap().lines().skip(1).collect();
    let asked = |seq: &str| {
        json!({"vkey": stack.audited(&["key"]).trim(), "lines": stack.ledger(), "checkpoint": read("newest"),
            "proof": read(&format!("{seq}.tlog-proof")), "older": read("old"), "consistency": hashes})
    };
    let found = pymerkle_check(&asked("17")).unwrap();
    assert_eq!(
        stack.audited(&["verify"]),
        format!("size {}\nroot {}\n", found["size"], found["root"].as_str().unwrap())
    );
    pymerkle_check(&asked("280")).unwrap();
    let mut forged = asked("17");
    forged["proof"] = asked("280")["proof"].as_str().unwrap().replace("index 279", "index 16").into();
    pymerkle_check(&forged).unwrap_err();
    let mut forged = asked("17");
    forged["consistency"] = json!([]);
    assert_eq!(pymerkle_check(&forged).unwrap_err(), "the proof of consistency is not good");
    let mut forged = asked("17");
    forged["lines"][3] = forged["lines"][4].clone();
    assert_eq!(pymerkle_check(&forged).unwrap_err(), "the tree of the events is not what was signed");
}

/// A pack needs nothing of ours.
fn a_pack_convinces(stack: &Stack) {
    let said = stack.audited(&["export", "--from", "250", "--to", "260", "--out", "pack.zip"]);
    assert!(said.starts_with("11 events from 250 to 260"), "{said}");
    let folder = stack.data_dir().join("pack");
    fs::create_dir(&folder).unwrap();
    let mut unpack = Command::new("python3");
    unpack.args(["-m", "zipfile", "-e", "../pack.zip", "."]).current_dir(&folder);
    assert!(unpack.status().unwrap().success());
    let verify = folder.join("verify.py");
    assert!(python(&verify, &[], &folder).contains("none is missing from 250 to 260"));
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().contains("11 sucesos"));
    let events = fs::read_to_string(folder.join("events.ndjson")).unwrap();
    fs::write(folder.join("events.ndjson"), events.replacen("\"demo\"", "\"dema\"", 1)).unwrap();
    assert_eq!(python(&verify, &[], &folder), "event 250: it does not stand in the ledger like this\n");
    // What is wrong with a pack is said in a line, whatever it is.
    let says = |arguments: &[&str], said: &str| assert_eq!(python(&verify, arguments, &folder), format!("{said}\n"));
    fs::write(folder.join("events.ndjson"), events.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    says(&[], "event 250: its proof is here, and the event is not");
    fs::write(folder.join("events.ndjson"), events.replacen("{", "", 1)).unwrap();
    says(&[], "there is a line that is no event");
    fs::write(folder.join("events.ndjson"), &events).unwrap();
    let key = stack.audited(&["key"]);
    assert!(python(&verify, &[], &folder).contains("the key is the pack's own"));
    assert!(!python(&verify, &["--vkey", key.trim()], &folder).contains("pack's own"));
    for none in ["", "x", "a+b+c", "a+0+AQ=="] {
        says(&["--vkey", none], "the key is not a signed-note key for Ed25519");
    }
    says(&["--vkey"], "usage: verify.py [--vkey KEY]");
    fs::remove_file(folder.join("proofs/255.tlog-proof")).unwrap();
    says(&[], "event 255: its proof is not here");
}

/// What the ledger forgets is in the files, and everything is proved as before.
async fn an_archive_takes_nothing_away(stack: &Stack) {
    let before = (stack.audited(&["verify"]), auditor(stack, "/checkpoint").await, stack.ledger());
    assert!(stack.try_query("DELETE FROM ledger WHERE seq = 1").is_err(), "nothing is archived yet");
    assert!(stack.try_query("UPDATE ledger_cut SET seq = 512").is_err(), "nobody signed so much");
    stack.until_followed(256).await;
    let said = stack.audited(&["archive", "--before", "2099-01-01T00:00:00Z", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["first"], &said["last"]), (&json!(1), &json!(256)));
    assert_eq!(stack.query("SELECT min(seq) FROM ledger"), "257");
    assert!(stack.try_query("DELETE FROM ledger WHERE seq = 257").is_err());
    assert_eq!(stack.audited(&["archive", "--before", "2099-01-01T00:00:00Z", "--json"]), "null\n");
    let root = before.0.lines().nth(1).and_then(|line| line.strip_prefix("root ")).unwrap();
    let _ = stack.audited(&["verify", "--expect", &format!("{EVENTS}:{root}")]);
    stack.until_signed(EVENTS + 1).await;
    let proof: Value = serde_json::from_str(&stack.audited(&["prove", "--seq", "17", "--json"])).unwrap();
    assert_eq!(proof["event"], Value::Null);
    let _ = stack.audited(&["prove", "--seq", "17"]);
    go(&["inclusion", stack.audited(&["key"]).trim(), "17.json", "17.tlog-proof"], stack.data_dir()).unwrap();
    it_says_what_was_archived(stack, &said);
    let archived: PathBuf = said["events"].as_str().unwrap().into();
    let root = stack.audited(&["verify", archived.to_str().unwrap()]);
    assert!(root.starts_with("size 256\nroot "), "{root}");
    // The ledger goes on where it was.
    stack.sessions(1).await;
    assert_eq!(stack.ledger().len(), EVENTS - 256 + 2);
    assert_eq!(stack.ledger()[..EVENTS - 256], before.2[256..]);
    stack.until_signed(EVENTS + 2).await;
    let _ = stack.audited(&["verify"]);
    an_older_checkpoint_is_still_proved(stack, &before.1).await;
}

/// In the record itself.
fn it_says_what_was_archived(stack: &Stack, said: &Value) {
    let event: Value = serde_json::from_str(stack.ledger().last().unwrap()).unwrap();
    assert_eq!((&event["type"], &event["ledgerseq"]), (&json!("ledger.archived"), &json!((EVENTS + 1).to_string())));
    let file = PathBuf::from(said["events"].as_str().unwrap());
    let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(fs::read(&file).unwrap()));
    let expected = json!({"actor": {"kind": "operator"}, "first": 1, "last": 256, "root": said["root"],
        "file": file.file_name().unwrap().to_str(), "sha256": sha256});
    assert_eq!((&event["data"], &said["sha256"]), (&expected, &expected["sha256"]));
}

async fn kept(stack: &Stack) {
    stack.sessions(EVENTS).await;
    stack.until_signed(EVENTS).await;
    what_is_served_is_what_was_signed(stack).await;
    the_key_is_kept(stack);
    others_agree(stack);
    python_agrees(stack);
    a_pack_convinces(stack);
    an_archive_takes_nothing_away(stack).await;
}

mod ledger {
    use super::*;

    async fn told(stack: &Stack) {
        if let Err(reason) = go_available() {
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("SKIPPED: {reason}");
            return;
        }
        kept(stack).await;
    }

    on_both_databases!(told, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);
}

/// Lengthens a ledger of one event to so many: the same again and again, each with an id and a place of its own.
fn lengthen(stack: &Stack, size: usize) {
    let first = stack.ledger().remove(0);
    let event: Value = serde_json::from_str(&first).unwrap();
    let id = event["id"].as_str().unwrap();
    let (kept, _) = id.split_at(id.len() - 12);
    let line = |seq: usize| {
        let numbered = first.replacen(id, &format!("{kept}{seq:012}"), 1);
        numbered.replacen("\"ledgerseq\":\"1\"", &format!("\"ledgerseq\":\"{seq}\""), 1)
    };
    let lines: Vec<String> = std::iter::once(first.clone()).chain((2..=size).map(line)).collect();
    let (numbers, twelve) = if stack.is_sqlite() {
        let numbers = format!("(SELECT 2 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < {size})");
        (format!("WITH RECURSIVE n AS {numbers}"), "printf('%012d', n.seq)")
    } else {
        (format!("WITH n AS (SELECT generate_series(2, {size}) AS seq)"), "lpad(n.seq::text, 12, '0')")
    };
    stack.query(&format!(
        "{numbers} INSERT INTO ledger (seq, body) SELECT n.seq, replace(replace(l.body, '{id}', '{kept}' || {twelve}),
            '\"ledgerseq\":\"1\"', '\"ledgerseq\":\"' || n.seq || '\"') FROM n, ledger l WHERE l.seq = 1 ORDER BY n.seq"
    ));
    stack.put_head(&lines);
}

/// A ledger that grows much is not made to wait as long as one that grows a little.
async fn much_is_signed_at_once(stack: &Stack) {
    const MUCH: usize = 10_000;
    stack.sessions(1).await;
    stack.until_signed(1).await;
    lengthen(stack, MUCH);
    stack.until_indexed().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stack.signed(), Some(1), "one event too few");
    stack.sessions(1).await;
    stack.until_signed(MUCH + 1).await;
    let _ = stack.audited(&["verify"]);
}

mod much {
    use super::*;

    on_both_databases!(much_is_signed_at_once, [("AUDIT_CHECKPOINT_SECONDS", "3600")], rooms: 0, audits: 1);
}

/// The database is one that somebody put back; what was signed since stands in the file outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_signed_outside_is_not_unsaid() {
    require!(Postgres::available());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoints");
    let env = vec![
        ("AUDIT_CHECKPOINT_SECONDS".to_owned(), "1".to_owned()),
        ("AUDIT_CHECKPOINT_FILE".to_owned(), file.display().to_string()),
    ];
    let mut stack = Stack::postgres(StackOptions { audits: 1, env, ..Default::default() }).await;
    stack.sessions(20).await;
    stack.until_signed(20).await;
    eventually("the file has it", async || fs::read_to_string(&file).is_ok_and(|text| text.contains("\n20\n"))).await;
    // A record that goes further than this one, under the same name and key.
    assert!(stack.audits.remove(0).terminate().success());
    let note = fs::read_to_string(&file).unwrap();
    let last = note.rsplit_once("\n20\n").unwrap();
    let origin = last.0.lines().last().unwrap();
    let root = STANDARD.encode([7_u8; 32]);
    fs::write(&file, format!("{origin}\n25\n{root}\n\n\u{2014} {origin} AAAAAAAA\n")).unwrap();
    stack.audits.push(stack.start_audit());
    let _ = stack.audits[0].wait_for_log("ready");
    stack.sessions(3).await;
    let refusal = stack.audits[0].wait_for_log("NOTHING IS SIGNED ANY MORE");
    assert!(refusal.to_string().contains("25 were signed by the file outside"), "{refusal}");
    assert_eq!(stack.signed(), Some(20));
    let text = stack.audits[0].metrics().await;
    assert!(text.contains("avanzacast_audit_refuses 1"), "somebody can see that it refuses");
}

/// A head that somebody changed is not signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_head_that_does_not_fit_is_not_signed() {
    require!(Postgres::available());
    let env = vec![("AUDIT_CHECKPOINT_SECONDS".to_owned(), "1".to_owned())];
    let stack = Stack::postgres(StackOptions { audits: 1, env, ..Default::default() }).await;
    stack.sessions(5).await;
    stack.until_signed(5).await;
    stack.query("UPDATE ledger_head SET frontier = overlay(frontier placing '\\x00'::bytea from 3 for 1)");
    stack.sessions(1).await;
    let refusal = stack.audits[0].wait_for_log("NOTHING IS SIGNED ANY MORE");
    assert!(refusal.to_string().contains("the ledger's head is not what its events come to"), "{refusal}");
    assert_eq!(stack.signed(), Some(5));
}
