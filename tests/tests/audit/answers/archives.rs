//! Files of what is archived. Promises: nobody has to believe them, a line counts when the ledger has its hash; and only what
//! was read is not missing, or that is said.

use std::fs;

use avanzacast_tests::{Answer, Stack, on_both_databases};
use serde_json::{Value, json};

use super::{answer, registered, session};
use crate::archiving::{archived, until_archivable};

const EVENTS: usize = 260;

async fn archives(stack: &Stack) {
    let first = session(stack, "blue", "Ana").await;
    let user = json!({"email": "eva@example.org", "username": "eva"});
    let user = stack.api().with_secret(stack.secret()).post("/api/users", &user).await.expect(201);
    registered(stack, "blue", "luis", user.body["id"].as_i64().unwrap()).await;
    stack.sessions(EVENTS - stack.ledger().len()).await;
    let lines = stack.ledger();
    files_are_not_believed(stack, &first).await;
    what_was_not_looked_at_is_said(stack);
    an_id_may_be_archived(stack, &lines[16]);
}

/// Its place is what still proves it.
fn an_id_may_be_archived(stack: &Stack, line: &str) {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let said = stack.audit_finds(&["prove", "--event", &id(line)]);
    assert!(said.contains("events up to 256 are archived") && said.contains("--seq"), "{said}");
    assert_eq!(answer(stack, &["prove", "--seq", "17"])["seq"], 17);
    // Nobody's, and of a moment that the ledger still has.
    let mut later = id(stack.ledger().last().unwrap());
    let end = if later.ends_with('0') { "1" } else { "0" };
    later.replace_range(later.len() - 1.., end);
    let later = stack.audit_finds(&["prove", "--event", &later]);
    assert!(!later.contains("archived"), "{later}");
}

/// Who asks for a user asks for everybody whom that one registered.
fn what_was_not_looked_at_is_said(stack: &Stack) {
    let eva = ["find", "--email", "eva@example.org"];
    let found = answer(stack, &eva);
    assert_eq!((&found["sessions"], &found["archivedThrough"]), (&json!([]), &json!(256)));
    assert!(stack.audited(&eva).contains("events up to 256 are archived and were not looked at"));
}

async fn files_are_not_believed(stack: &Stack, first: &Answer) {
    let lines = stack.ledger();
    let who = ["who", "--session", first.str("id")];
    let expected = answer(stack, &who);
    assert_eq!(answer(stack, &["find", "--email", "eva@example.org"])["archivedThrough"], 0);
    until_archivable(stack, EVENTS).await;
    let archive = archived(stack);
    let put = |name: &str, bytes: &[u8]| fs::write(stack.data_dir().join(name), bytes).unwrap();
    let asked = |file: &str| answer(stack, &[&who[..], &["--archive", file]].concat());
    let refused = |file: &str| stack.audit_finds(&[&who[..], &["--archive", file]].concat());

    put("whole.ndjson", lines.join("\n").as_bytes());
    for file in [archive.to_str().unwrap(), "whole.ndjson"] {
        let told = asked(file);
        assert_eq!((&told["couldEnter"], &told["notCovered"]["archived"]), (&expected["couldEnter"], &json!(0)));
    }
    put("ends.ndjson", format!("{}\n{}\n", lines[0], lines[255]).as_bytes());
    let told = asked("ends.ndjson");
    assert_eq!((&told["couldEnter"], &told["notCovered"]["archived"]), (&expected["couldEnter"], &json!(256)));

    // Whether the ledger has forgotten the event or not.
    for place in [7, 258] {
        let mut altered = lines.clone();
        altered[place - 1] = altered[place - 1].replacen("\"demo\"", "\"blue\"", 1);
        put("altered.ndjson", altered.join("\n").as_bytes());
        let said = refused("altered.ndjson");
        assert!(said.contains(&format!("altered.ndjson, line {place}: this is not the event {place} ")), "{said}");
    }
    put("moved.ndjson", lines[6].replacen("\"ledgerseq\":\"7\"", "\"ledgerseq\":\"9999\"", 1).as_bytes());
    assert!(refused("moved.ndjson").contains("moved.ndjson, line 1: this is not the event 9999 "));
    let noise: Vec<u8> = (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    put("noise.ndjson", &noise);
    assert!(refused("noise.ndjson").contains("noise.ndjson, line 1: it is no CloudEvent"));
    put("noise.zst", &noise);
    assert!(refused("noise.zst").contains("noise.zst cannot be read"));
}

on_both_databases!(archives, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);
