//! Who may ask what the console asks, what is asked wrongly, and what becomes of questions that nobody answers.

use avanzacast_tests::{LoneEdge, Nats, require};
use serde_json::{Value, json};

const KEYS: &str = "auditor:audit-audit-audit-audit:audit,manager:manage-manage-manage-ma:manage";
const EARLY: &str = "2026-02-02T02:40:00Z";
const LATE: &str = "2026-02-02T02:41:00Z";

const QUESTIONS: [&str; 4] = ["ledger", "counts", "events", "who?room=demo"];

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_needs_the_scope() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[("BACKEND_API_KEYS", KEYS), ("AUDIT_PUBLIC", "1")]).await;
    let manager = lone.api().with_secret("manage-manage-manage-ma");
    for question in QUESTIONS {
        let path = format!("/api/audit/{question}");
        lone.api().get(&path).await.problem(401, "credential_required");
        manager.get(&path).await.problem(403, "scope_missing");
    }
    for subject in ["ledger", "counts", "events", "who"] {
        assert_eq!(lone.record.asked(&format!("qry.audit.{subject}")), [], "{subject}");
    }
}

/// Promise: what is no question is refused at the door.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_asked_of_nobody() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    let backwards = format!("from={LATE}&to={EARLY}");
    let twice = format!("from={EARLY}&from={EARLY}");
    for question in ["counts?", "events?", "who?room=demo&"] {
        for query in ["from=", "to=yesterday", "from=2026-02-02", "to=2026-02-02T02:40:00", &backwards, &twice] {
            api.get(&format!("/api/audit/{question}{query}")).await.problem(400, "malformed");
        }
    }
    for question in [
        "counts?from=2025-01-01T00:00:00Z&to=2026-01-02T00:00:01Z",
        "counts?from=1970-01-01T00:00:00Z",
        "events?after=-1",
        "events?after=1&after=1",
        "events?type=",
        "events?room=",
        "events?session=x",
        "events?broadcast=7",
        "events?user=ana",
        "who",
        "who?at=2026-02-02T02:40:00Z",
        "who?room=",
        "who?room=a&room=a",
        "who?room=a&session=abcd",
        "who?broadcast=7",
        "who?session=x",
        "who?room=a&at=now",
        "who?room=a&at=2026-02-02T02:40:00Z&to=2026-02-02T02:40:00Z",
    ] {
        api.get(&format!("/api/audit/{question}")).await.problem(400, "malformed");
    }
    for subject in ["counts", "events", "who"] {
        assert_eq!(lone.record.asked(&format!("qry.audit.{subject}")), [], "{subject}");
    }
    // What a query does not know is passed over.
    lone.record.happens("session.consumed", json!({"room": "demo"})).await;
    let page = api.get("/api/audit/events?colour=blue&room=demo").await.expect(200);
    assert_eq!((page.body["events"].as_array().unwrap().len(), &page.body["done"]), (1, &json!(true)));
}

/// A record that answers badly is not passed on, and a refusal is.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_record_says_is_looked_at() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    let limits = json!({"size": 9, "indexed": 9, "archived": 0, "gaps": [], "knownUntil": null});
    let none = json!({"room": "demo", "couldEnter": [], "entered": [], "strangers": [], "notCovered": limits});
    // One who says that there is more and never gives it.
    lone.record.says("qry.audit.who", 200, "", json!({"answer": none, "more": true}).to_string());
    api.get("/api/audit/who?room=demo").await.problem(500, "internal");
    let asked: Vec<Value> = lone.record.asked("qry.audit.who").into_iter().map(|(_, body)| body).collect();
    assert_eq!((asked.len(), &asked[0]["skip"], &asked[0]["about"]), (1, &json!(0), &json!({"room": "demo"})));
    lone.record.says("qry.audit.who", 200, "", json!({"answer": none, "more": false}).to_string());
    assert_eq!(api.get("/api/audit/who?room=demo").await.expect(200).body, none);
    let detail = "ask about a shorter time";
    lone.record.says("qry.audit.who", 422, "answer_too_large", json!({"detail": detail}).to_string());
    assert_eq!(api.get("/api/audit/who?room=demo").await.problem(422, "answer_too_large").str("detail"), detail);
    lone.record.says("qry.audit.who", 503, "busy", json!({"detail": "Too busy"}).to_string());
    assert!(api.get("/api/audit/who?room=demo").await.problem(503, "busy").header("retry-after").is_some());
    // One who begins every page anew.
    let count = json!({"hour": EARLY, "type": "a.b", "count": 1});
    lone.record.says("qry.audit.counts", 200, "", json!({"items": [count], "next": "MS4yLmEuYg"}).to_string());
    let question = format!("/api/audit/counts?from={EARLY}&to={LATE}");
    api.get(&question).await.problem(422, "answer_too_large");
    lone.record.says("qry.audit.counts", 200, "", json!({"items": []}).to_string());
    assert_eq!(api.get(&question).await.expect(200).body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_worker_there_is_no_answer() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    lone.record.goes_away().await;
    for question in ["ledger", "counts", "events", "who?room=demo"] {
        let away = api.get(&format!("/api/audit/{question}")).await.problem(503, "bus_unavailable");
        assert!(away.header("retry-after").is_some(), "{question}");
    }
}
