//! When nobody was told who was where. Promise: an answer says so, and of a time that is archived too when its file is named.

use avanzacast_tests::{Stack, on_both_databases};
use serde_json::{Value, json};

use super::{answer, session};

/// As the room worker writes it, after the first event.
fn gap(stack: &Stack) {
    let first = stack.ledger().remove(0);
    let mut event: Value = serde_json::from_str(&first).unwrap();
    let (id, time) = (event["id"].as_str().unwrap().to_owned(), event["time"].clone());
    event["id"] = json!(format!("{}{:012}", &id[..id.len() - 12], 2));
    event["type"] = json!("presence.gap");
    event["dataschema"] = json!("urn:avanzacast:event:presence.gap:1");
    event["ledgerseq"] = json!("2");
    event["data"] = json!({"actor": {"kind": "livekit"}, "from": time, "to": time, "joined": 0, "left": 1,
        "started": 0, "finished": 0});
    let line = event.to_string();
    stack.query(&format!("INSERT INTO ledger (seq, body) VALUES (2, '{line}')"));
    stack.put_head(&[first, line]);
}

async fn in_an_archive(stack: &Stack) {
    session(stack, "blue", "Ana").await;
    gap(stack);
    stack.sessions(300).await;
    stack.until_indexed().await;
    let ever = ["who", "--room", "blue", "--from", "2020-01-01T00:00:00Z", "--to", "2999-01-01T00:00:00Z"];
    let ask = |more: &[&str]| answer(stack, &[&ever, more].concat())["notCovered"].clone();
    let told = ask(&[]);
    assert_eq!((told["gaps"].as_array().unwrap().len(), &told["archived"]), (1, &json!(0)), "{told}");
    let archive = stack.archive().await;
    let blind = ask(&[]);
    assert_eq!((&blind["gaps"], &blind["archived"]), (&json!([]), &json!(256)));
    let again = ask(&["--archive", archive["events"].as_str().unwrap()]);
    assert_eq!((&again["gaps"], &again["archived"]), (&told["gaps"], &json!(0)));
    let twice = stack.audit(&["who", "--room", "blue", "--archive", "-"]);
    assert_eq!(twice.status.code(), Some(2), "standard input cannot be read again: {twice:?}");
}

on_both_databases!(in_an_archive, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);
