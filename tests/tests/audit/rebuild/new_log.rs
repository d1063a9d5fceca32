//! What is lost for good is given up. Promises: only what is lost, and with a reason; the new log says which one it takes
//! the place of; the old one is kept and takes nothing any more; everything goes on, also after a restart.

use async_nats::jetstream;
use avanzacast_tests::{Postgres, Stack, StackOptions, eventually, require};
use serde_json::{Value, json};

use super::command::{assert_rebuilt, audit_in, done, environment, wrong};
use super::history::History;
use super::older;
use super::reconcile::{VKEY, signed};

const REASON: &str = "the backup of Friday was the newest";
pub const GIVE_UP: [&str; 4] = ["reconcile", "--accept-loss", "--reason", REASON];

pub async fn session(stack: &Stack) -> u16 {
    stack.api().post("/api/session", &json!({"room": "blue", "username": "Ana"})).await.status
}

async fn events_equal_the_ledger(stack: &Stack) {
    let jetstream = jetstream::new(stack.admin().await);
    let id = stack.query("SELECT ledger_id FROM ledger_head");
    eventually("EVENTS is the new log's", async || {
        let Ok(events) = jetstream.get_stream("EVENTS").await else { return false };
        let info = events.cached_info();
        info.config.metadata.get("ledger_id") == Some(&id)
            && info.state.last_sequence.to_string() == stack.query("SELECT size FROM ledger_head")
    })
    .await;
    let size = stack.query("SELECT size FROM ledger_head");
    let (of_stream, of_ledger) = (["verify", "--source", "stream"], ["verify"]);
    assert_eq!(done(stack, &of_stream), done(stack, &of_ledger));
    assert!(done(stack, &of_ledger).starts_with(&format!("size {size}\n")));
}

/// With a copy from before, and EVENTS that knows more.
pub async fn lose(stack: &mut Stack) {
    let mut history = History::of(stack);
    history.go_on(60).await;
    history.settle().await;
    older::keep(stack);
    eventually("work goes on", async || session(stack).await == 201).await;
    stack.until_relayed().await;
    older::restore(stack);
    eventually("it is noticed", async || session(stack).await == 503).await;
}

fn is_refused_without_a_loss_or_a_reason(stack: &Stack) {
    assert!(wrong(stack, &GIVE_UP).contains("nothing is lost"));
    let said = |arguments: &[&str]| audit_in(environment(stack), stack.data_dir(), arguments).status.code();
    assert_eq!(said(&["reconcile", "--accept-loss"]), Some(2));
    assert_eq!(said(&["reconcile", "--accept-loss", "--reason", ""]), Some(2));
    assert_eq!(said(&["reconcile", "--reason", "x"]), Some(2));
}

/// The name is what a checkpoint is known by.
fn a_new_log_has_a_new_name(stack: &Stack) {
    let said = |arguments: &[&str]| {
        let mut env = environment(stack);
        env.push(("AUDIT_ORIGIN".to_owned(), "studio.test/log".to_owned()));
        let output = audit_in(env, stack.data_dir(), &[&GIVE_UP, arguments].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let head = stack.query("SELECT * FROM ledger_head");
    if stack.query("SELECT count(*) FROM checkpoint") == "0" {
        let (code, text) = said(&[]);
        assert!(code == Some(2) && text.contains("--origin"), "{text}");
        let (code, text) = said(&["--origin", "studio.test/log"]);
        assert!(code == Some(2) && text.contains("needs another name"), "{text}");
    }
    assert_eq!(stack.query("SELECT * FROM ledger_head"), head);
}

/// What somebody else signed says nothing about this log, however much it names; nor does what nobody signed.
fn another_logs_checkpoint_counts_for_nothing(stack: &Stack) {
    let head = stack.query("SELECT * FROM ledger_head");
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let checkpoint = signed(stack, &format!("size 999\nroot {root}\n"));
    let with = ["--checkpoint", &checkpoint, "--vkey", VKEY];
    let said = wrong(stack, &[&GIVE_UP, &with[..]].concat());
    assert!(said.contains("is of the log PeterNeumann, and this one is called avanzacast/"), "{said}");
    let unsigned = audit_in(environment(stack), stack.data_dir(), &[&GIVE_UP, &with[..2]].concat());
    assert_eq!(unsigned.status.code(), Some(2), "{unsigned:?}");
    assert_eq!(stack.query("SELECT * FROM ledger_head"), head);
}

/// What the first event of the new log says.
fn it_names_the_old_one(stack: &Stack, head: &[&str]) {
    let first: Value = serde_json::from_str(&stack.ledger()[0]).unwrap();
    assert_eq!((first["type"].as_str(), first["ledgerseq"].as_str()), (Some("ledger.gap"), Some("1")));
    let data = &first["data"];
    assert_eq!(data["previousLedgerId"], head[0]);
    assert_eq!(data["previousSize"].to_string(), head[1]);
    assert_eq!(data["reason"], REASON);
    assert_eq!(data["actor"], json!({"kind": "operator"}));
    assert!(data["previousOrigin"].as_str().is_some_and(|origin| !origin.is_empty()));
    assert_ne!(stack.query("SELECT ledger_id FROM ledger_head"), head[0]);
}

fn the_old_one_is_kept_and_closed(stack: &Stack, ledger: &[String], mark: &str) {
    let kept = |stack: &Stack| stack.query(&format!("SELECT body FROM ledger_{mark} ORDER BY seq"));
    assert_eq!(kept(stack).lines().collect::<Vec<_>>(), ledger);
    let (size, one) = (ledger.len(), "(seq, body) VALUES");
    for attempt in [
        format!("INSERT INTO ledger_{mark} {one} ({}, 'forged')", size + 1),
        format!("UPDATE ledger_{mark} SET body = 'forged' WHERE seq = 1"),
        format!("DELETE FROM ledger_{mark} WHERE seq = {size}"),
        format!("UPDATE ledger_head_{mark} SET size = 0"),
        format!("DELETE FROM checkpoint_{mark} WHERE 1 = 1"),
        format!("UPDATE ledger_cut_{mark} SET seq = 256"),
        "UPDATE ledger SET body = 'forged' WHERE seq = 1".to_owned(),
        "DELETE FROM ledger WHERE seq = 1".to_owned(),
        format!("INSERT INTO ledger {one} (999999, 'forged')"),
        "DELETE FROM ledger_cut".to_owned(),
    ] {
        // A row-wise trigger has nothing to refuse where there is no row.
        if let Ok(said) = stack.try_query(&attempt) {
            assert!(stack.is_sqlite() && attempt.contains("checkpoint"), "{attempt}: {said}");
        }
    }
    assert_eq!(kept(stack).lines().collect::<Vec<_>>(), ledger);
}

/// Whatever is made from a log goes with it: the next migration's tables too.
fn no_table_is_shared(stack: &Stack, mark: &str) {
    let tables = stack.query(if stack.is_sqlite() {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    } else {
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    });
    let of_a_log = |name: &&str| name.starts_with("ledger") || name.starts_with("checkpoint");
    let (kept, new): (Vec<&str>, Vec<&str>) = tables.lines().filter(of_a_log).partition(|name| name.ends_with(mark));
    for name in &new {
        assert!(kept.contains(&format!("{name}_{mark}").as_str()), "{name} was not put aside");
    }
    assert_eq!(kept.len(), new.len());
}

/// Tables that were made anew are what the migrations left.
fn described(stack: &Stack) -> String {
    stack.query(if stack.is_sqlite() {
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('ledger', 'ledger_head', 'ledger_index',
            'ledger_count', 'ledger_tile', 'checkpoint', 'ledger_cut') ORDER BY type, name"
    } else {
        "SELECT c.relname, array_to_string(c.reloptions, ','), (SELECT string_agg(concat_ws(' ', a.attname,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation,
                pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
                FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0),
            (SELECT string_agg(conname || pg_get_constraintdef(n.oid), ', ' ORDER BY conname)
                FROM pg_constraint n WHERE n.conrelid = c.oid),
            (SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY tgname)
                FROM pg_trigger t WHERE t.tgrelid = c.oid),
            (SELECT string_agg(pg_get_indexdef(i.indexrelid), ', ' ORDER BY i.indexrelid::regclass::text)
                FROM pg_index i WHERE i.indrelid = c.oid)
            FROM pg_class c WHERE c.relname IN ('ledger', 'ledger_head', 'ledger_index', 'ledger_count',
                'ledger_tile', 'checkpoint', 'ledger_cut') ORDER BY 1"
    })
}

async fn a_loss(stack: &mut Stack) {
    assert_eq!(session(stack).await, 201);
    is_refused_without_a_loss_or_a_reason(stack);
    another_logs_checkpoint_counts_for_nothing(stack);
    lose(stack).await;
    a_new_log_has_a_new_name(stack);
    let (ledger, tables) = (stack.ledger(), described(stack));
    let head = stack.query("SELECT ledger_id, size FROM ledger_head");
    let head: Vec<&str> = head.split('|').collect();
    let sessions = stack.query("SELECT count(*) FROM session");
    let said = done(stack, &GIVE_UP);
    assert!(said.starts_with("ledger ") && said.ends_with("size 1\n"), "{said}");
    it_names_the_old_one(stack, &head);
    the_old_one_is_kept_and_closed(stack, &ledger, &head[0][..8]);
    no_table_is_shared(stack, &head[0][..8]);
    assert_eq!(described(stack), tables, "the new tables are what the old ones were");
    assert_eq!(stack.query("SELECT count(*) FROM session"), sessions, "state stays as it is");
    // Nobody had to be started again.
    eventually("work goes on", async || session(stack).await == 201).await;
    assert!(wrong(stack, &GIVE_UP).contains("nothing is lost"));
    assert_rebuilt(stack, "through_both", &[]);
    events_equal_the_ledger(stack).await;
    begun_and_not_ended(stack, head[0]).await;
    everything_starts_again(stack).await;
}

/// Ended between the new log and its EVENTS: the stream is still the old log's. The same command again brings it to its end.
async fn begun_and_not_ended(stack: &Stack, old: &str) {
    let jetstream = jetstream::new(stack.admin().await);
    let mut config = jetstream.get_stream("EVENTS").await.unwrap().cached_info().config.clone();
    config.metadata.insert("ledger_id".to_owned(), old.to_owned());
    jetstream.update_stream(config).await.unwrap();
    eventually("it is noticed", async || session(stack).await == 503).await;
    let head = stack.query("SELECT ledger_id FROM ledger_head");
    assert!(done(stack, &GIVE_UP).starts_with(&format!("ledger {head}\n")), "no second new log");
    eventually("work goes on", async || session(stack).await == 201).await;
    events_equal_the_ledger(stack).await;
}

async fn everything_starts_again(stack: &mut Stack) {
    if stack.is_sqlite() {
        stack.restart_up();
    } else {
        stack.provision();
        stack.restart_worker(0);
        stack.restart_studio(0);
        stack.restart_room(0);
    }
    eventually("work goes on", async || session(stack).await == 201).await;
    let mut history = History::of(stack);
    history.go_on(40).await;
    history.settle().await;
    assert_rebuilt(stack, "restarted", &[]);
    events_equal_the_ledger(stack).await;
}

#[tokio::test]
async fn sqlite() {
    a_loss(&mut Stack::sqlite().await).await;
}

#[tokio::test]
async fn postgres() {
    require!(Postgres::available());
    a_loss(&mut Stack::postgres(StackOptions { rooms: 1, ..StackOptions::default() }).await).await;
}
