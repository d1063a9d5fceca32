//! Who signs, with what, and what is never signed. Promises: a history that is not the one that was signed is signed no more
//! until it is whole again; keys change and old signatures still count; the outside is told, and holds up nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use avanzacast_tests::{Postgres, Process, Stack, StackOptions, eventually, require};
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const REFUSES: &str = "NOTHING IS SIGNED ANY MORE";

fn env(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("AUDIT_CHECKPOINT_SECONDS", "1")].into_iter().chain(more.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Whoever signs: beside PostgreSQL a process of its own, with SQLite everything.
fn signer(stack: &Stack) -> &Process {
    if stack.is_sqlite() { &stack.edges[0] } else { &stack.audits[0] }
}

fn restart(stack: &mut Stack) {
    if stack.is_sqlite() {
        assert!(stack.edges.remove(0).terminate().success());
        stack.restart_up();
    } else {
        assert!(stack.audits.remove(0).terminate().success());
        let audit = stack.start_audit();
        let _ = audit.wait_for_log("ready");
        stack.audits.push(audit);
    }
}

/// Somebody who has the database changes an event, and gives it back.
async fn a_changed_event_is_not_signed(mut stack: Stack) {
    stack.sessions(20).await;
    stack.until_signed(20).await;
    let body = stack.query("SELECT body FROM ledger WHERE seq = 7");
    let put = |stack: &Stack, body: &str| {
        stack.query(&format!("UPDATE ledger SET body = '{}' WHERE seq = 7", body.replace('\'', "''")));
    };
    stack.query(if stack.is_sqlite() {
        "DROP TRIGGER ledger_no_update"
    } else {
        "ALTER TABLE ledger DISABLE TRIGGER USER"
    });
    put(&stack, &body.replacen("\"demo\"", "\"dema\"", 1));
    stack.sessions(1).await;
    let refusal = signer(&stack).wait_for_log(REFUSES);
    assert!(refusal.to_string().contains("the first 20 events are not those that were signed"), "{refusal}");
    assert!(signer(&stack).metrics().await.contains("avanzacast_audit_refuses 1"));

    // Not by a worker that begins with it either; and to give it back is not enough for one that has seen it.
    restart(&mut stack);
    stack.sessions(1).await;
    let _ = signer(&stack).wait_for_log(REFUSES);
    put(&stack, &body);
    stack.sessions(1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stack.signed(), Some(20));

    restart(&mut stack);
    stack.until_signed(23).await;
    let shown = signer(&stack).metrics().await;
    assert!(shown.contains("avanzacast_audit_refuses 0"), "{shown}");
    eventually("it is shown what was signed", async || {
        let shown = signer(&stack).metrics().await;
        let wanted = ["avanzacast_checkpoint_size 23", "avanzacast_reactor_position_events{reactor=\"audit\"} 23"];
        wanted.iter().all(|line| shown.contains(line)) && shown.contains("avanzacast_checkpoint_timestamp_seconds")
    })
    .await;
}

mod changed {
    use super::*;

    #[tokio::test]
    async fn sqlite() {
        a_changed_event_is_not_signed(Stack::sqlite_with(metered()).await).await;
    }

    #[tokio::test]
    async fn postgres() {
        require!(Postgres::available());
        let options = StackOptions { audits: 1, env: metered(), ..Default::default() };
        a_changed_event_is_not_signed(Stack::postgres(options).await).await;
    }

    /// Each on a port of its own; `up` in development too.
    fn metered() -> Vec<(String, String)> {
        env(&[("METRICS_ADDR", "127.0.0.1:0")])
    }
}

fn copy(from: &Path, to: &Path) {
    for name in ["avanzacast.db", "avanzacast.db-wal", "avanzacast.db-shm"] {
        drop(fs::remove_file(to.join(name)));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// Database and bus are those of last week; only the file outside knows better. The copy then goes further than what was lost.
#[tokio::test]
async fn an_old_backup_is_not_signed_even_when_it_has_outgrown_what_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (file, backup) = (folder.path().join("checkpoints"), folder.path().join("backup"));
    fs::create_dir(&backup).unwrap();
    let mut stack = Stack::sqlite_with(env(&[("AUDIT_CHECKPOINT_FILE", file.to_str().unwrap())])).await;
    stack.sessions(10).await;
    stack.until_signed(10).await;
    assert!(stack.edges.remove(0).terminate().success());
    copy(stack.data_dir(), &backup);
    stack.restart_up();
    stack.sessions(10).await;
    stack.until_signed(20).await;
    let told = || fs::read_to_string(&file).unwrap_or_default();
    eventually("the file has it", async || told().contains("\n20\n")).await;
    let before = told();

    assert!(stack.edges.remove(0).terminate().success());
    copy(&backup, stack.data_dir());
    fs::remove_dir_all(stack.data_dir().join("nats")).unwrap();
    stack.restart_up();
    stack.sessions(1).await;
    let refusal = signer(&stack).wait_for_log(REFUSES);
    assert!(refusal.to_string().contains("the ledger has 11 events, and 20 were signed by the file"), "{refusal}");

    stack.sessions(12).await;
    restart(&mut stack);
    stack.sessions(1).await;
    let refusal = signer(&stack).wait_for_log(REFUSES);
    assert!(
        refusal.to_string().contains("the first 20 events are not those that were signed by the file"),
        "{refusal}"
    );
    assert_eq!((stack.signed(), told()), (Some(10), before), "nothing is signed, and nothing unsaid");
}

/// Somebody outside, who at first does not answer at all, then refuses, then listens.
#[derive(Clone, Default)]
struct Outside {
    hears: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<usize>>,
}

impl Outside {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let outside = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(outside.clone().answer(stream));
            }
        });
        format!("http://{address}/hook?secret=open-sesame")
    }

    async fn answer(self, mut stream: TcpStream) {
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut buffer).await.unwrap_or_default();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert!(read > 0, "a request has a head: {text}");
                continue;
            };
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() < length.unwrap().parse::<usize>().unwrap() {
                continue;
            }
            assert!(head.starts_with("post /hook?secret=open-sesame") && head.contains("content-type: text/plain"));
            let hears = self.hears.load(Ordering::SeqCst);
            let status = if hears { "204 No Content" } else { "503 Service Unavailable" };
            if hears {
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(body.to_owned());
            } else {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return stream.write_all(answer.as_bytes()).await.unwrap_or_default();
        }
    }
}

/// An address that is away holds up nothing, hears of it later, and is named in no log.
#[tokio::test]
async fn an_address_outside_is_told_when_it_listens() {
    require!(Postgres::available());
    let outside = Outside::default();
    let url = outside.start().await;
    let options = StackOptions { audits: 1, env: env(&[("AUDIT_CHECKPOINT_URL", &url)]), ..Default::default() };
    let stack = Stack::postgres(options).await;
    for size in [3, 6] {
        stack.sessions(3).await;
        stack.until_signed(size).await;
    }
    eventually("it refused", async || *outside.refused.lock().unwrap() >= 2).await;
    outside.hears.store(true, Ordering::SeqCst);
    let newest = || stack.query("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") + "\n";
    let heard = || outside.heard.lock().unwrap().clone();
    eventually("it heard of the newest", async || heard().last() == Some(&newest())).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(heard().len(), 1, "once is enough");
    let logs = stack.audits[0].logs();
    assert_eq!(logs.iter().filter(|line| line.contains("does not take the checkpoint")).count(), 1);
    assert!(logs.iter().all(|line| !line.contains("open-sesame")), "the address may hold a secret");
}

fn is_signed_with(note: &str, vkey: &str) -> bool {
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())]);
    Note::from_bytes(note.as_bytes()).unwrap().verify(&known).is_ok()
}

/// A new key signs from the next start on; what the old one signed still counts.
async fn keys_change(stack: &Stack) {
    stack.sessions(3).await;
    stack.until_signed(3).await;
    let note = || stack.query("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") + "\n";
    let (old, first) = (stack.audited(&["key"]).trim().to_owned(), note());
    assert!(is_signed_with(&first, &old));
    fs::write(stack.data_dir().join("kept"), &first).unwrap();

    let rotated = stack.audited(&["key", "rotate"]);
    let keys: Vec<&str> = rotated.lines().collect();
    assert!(keys.len() == 2 && keys[1] == old && keys[0] != old, "{rotated}");
    let shown: Value = serde_json::from_str(&stack.audited(&["key", "show", "--json"])).unwrap();
    assert_eq!(shown, json!({"vkey": keys[0], "before": [old]}));
    let path = stack.data_dir().join("audit/signing.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // Who runs goes on as before.
    stack.sessions(1).await;
    stack.until_signed(4).await;
    assert!(is_signed_with(&note(), &old) && !is_signed_with(&note(), keys[0]));
    fs::write(stack.data_dir().join("keys"), rotated).unwrap();
}

async fn the_new_key_signs(stack: &Stack) {
    let keys = fs::read_to_string(stack.data_dir().join("keys")).unwrap();
    let (new, old) = keys.trim().split_once('\n').unwrap();
    stack.sessions(1).await;
    stack.until_signed(5).await;
    let auditor = stack.api().with_secret(stack.secret());
    let served = auditor.get("/checkpoint").await.expect(200).text;
    assert!(is_signed_with(&served, new) && !is_signed_with(&served, old));
    let key = auditor.get("/api/audit/key").await.expect(200);
    assert_eq!((key.str("vkey"), &key.body["before"]), (new, &json!([old])));
    // Signed with either, and by a stranger's key with neither.
    let _ = stack.audited(&["verify", "--checkpoint", "kept"]);
    let _ = stack.audited(&["verify", "--checkpoint", "kept", "--vkey", old]);
    assert!(stack.audit_finds(&["verify", "--checkpoint", "kept", "--vkey", new]).contains("not signed with this key"));
}

mod rotation {
    use super::*;

    async fn told(mut stack: Stack) {
        keys_change(&stack).await;
        restart(&mut stack);
        the_new_key_signs(&stack).await;
    }

    #[tokio::test]
    async fn sqlite() {
        told(Stack::sqlite_with(env(&[])).await).await;
    }

    #[tokio::test]
    async fn postgres() {
        require!(Postgres::available());
        told(Stack::postgres(StackOptions { audits: 1, env: env(&[]), ..Default::default() }).await).await;
    }
}

/// A key that others can read, that is none, or that is another log's signs nothing: the worker does not start.
#[tokio::test]
async fn a_key_that_cannot_be_used_stops_the_start() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { audits: 1, env: env(&[]), ..Default::default() }).await;
    let path = stack.data_dir().join("audit/signing.key");
    let kept = fs::read_to_string(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = stack.start_audit();
    assert_eq!(open.wait().code(), Some(1));
    assert!(open.logs().join("\n").contains("can be read by others"), "{:#?}", open.logs());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, kept.replacen("PRIVATE+KEY+", "", 1)).unwrap();
    let none = stack.start_audit();
    assert_eq!(none.wait().code(), Some(1));
    let secret = kept.trim().splitn(5, '+').last().unwrap();
    for process in [&open, &none] {
        assert!(process.logs().iter().all(|line| !line.contains(secret)), "a key is in no log");
    }
}

/// A key from elsewhere, in the environment: it signs, and is written nowhere.
#[tokio::test]
async fn a_key_can_be_configured() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { audits: 1, env: env(&[]), ..Default::default() }).await;
    stack.sessions(1).await;
    stack.until_signed(1).await;
    let path = stack.data_dir().join("audit/signing.key");
    let kept = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(stack.audits.remove(0).terminate().success());
    let configured = stack.start_audit_with(vec![("AUDIT_SIGNING_KEY".to_owned(), kept.trim().to_owned())]);
    let secret = kept.trim().splitn(5, '+').last().unwrap();
    configured.forbid_in_logs(secret);
    let _ = configured.wait_for_log("ready");
    stack.sessions(1).await;
    stack.until_signed(2).await;
    assert!(!path.exists());
    let mut key = stack.audit_command(&["key"]);
    let shown = key.env("AUDIT_SIGNING_KEY", kept.trim()).output().unwrap();
    let vkey = String::from_utf8(shown.stdout).unwrap();
    assert!(is_signed_with(
        &(stack.query("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1") + "\n"),
        vkey.trim()
    ));
    assert!(stack.audit_finds(&["key"]).contains("there is no signing key here"));
    let stranger = stack.start_audit_with(vec![
        ("AUDIT_SIGNING_KEY".to_owned(), kept.trim().to_owned()),
        ("AUDIT_ORIGIN".to_owned(), "studio.test/other".to_owned()),
    ]);
    assert_eq!(stranger.wait().code(), Some(2));
    assert!(stranger.logs().join("\n").contains("has no key of the log studio.test/other"));
    what_is_no_key_starts_nothing(&stack, kept.trim());
}

/// It is said with everything else that is wrong, before anything is started.
fn what_is_no_key_starts_nothing(stack: &Stack, key: &str) {
    let wrong = [("AUDIT_SIGNING_KEY", format!("{key},foo")), ("AUDIT_ORIGIN", "a b".to_owned())];
    let wrong: Vec<_> = wrong.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let none = stack.start_audit_with(wrong.clone());
    assert_eq!(none.wait().code(), Some(2));
    let said = none.logs().join("\n");
    assert!(said.contains("AUDIT_SIGNING_KEY: ") && said.contains("AUDIT_ORIGIN: "), "{said}");
    assert!(!said.contains("bus connected") && !said.contains(key), "{said}");
    let shown = stack.audit_command(&["key"]).envs(wrong).output().unwrap();
    assert_eq!(shown.status.code(), Some(2), "{shown:?}");
}

/// Two workers: one signs, and when it goes the other does, one history both.
#[tokio::test]
async fn another_takes_the_place_of_who_signed() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { audits: 2, env: env(&[]), ..Default::default() }).await;
    for round in 1..=3 {
        stack.sessions(2).await;
        stack.until_signed(round * 2).await;
        // Whichever it was, after two rounds it was one that led.
        assert!(stack.audits.remove(0).terminate().success());
        let next = stack.start_audit();
        let _ = next.wait_for_log("ready");
        stack.audits.push(next);
    }
    assert!(stack.audits.iter().all(|audit| audit.find_log(REFUSES, Duration::ZERO).is_none()));
    let _ = stack.audited(&["verify"]);
}
