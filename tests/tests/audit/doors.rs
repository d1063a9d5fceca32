//! Checkpoint, tiles, entries, key and proofs: who gets them, how long a cache may keep them, and what has no name.

use avanzacast_tests::{LoneEdge, Nats, http_client, require};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

const CHECKPOINT: &str =
    "studio.example/ledger\n300\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} studio.example/ledger x\n";
const KEYS: &str = "auditor:audit-audit-audit-audit:audit,manager:manage-manage-manage-ma:manage";

/// An edge before a record of 310 events, of which a checkpoint has 300.
async fn start(env: &[(&str, &str)]) -> LoneEdge {
    let lone = LoneEdge::start(env).await;
    for number in 0..310 {
        lone.record.unheard("session.consumed", json!({"room": "démo", "n": number}));
    }
    lone.record.says("qry.audit.checkpoint", 200, "", CHECKPOINT);
    lone.record.says("qry.audit.tile", 200, "", "hashes");
    let key = json!({"origin": "studio.example/ledger", "vkey": "studio.example/ledger+x+y", "before": []});
    lone.record.says("qry.audit.key", 200, "", key.to_string());
    lone.record.says(
        "qry.audit.proof",
        200,
        "",
        json!({"seq": 3, "event": "{}", "proof": "c2sp.org/tlog-proof@v1\n"}).to_string(),
    );
    lone
}

/// The body as it is.
async fn bytes(lone: &LoneEdge, path: &str, secret: &str) -> (u16, HeaderMap, Vec<u8>) {
    let client = http_client().build().unwrap();
    let request = client.get(format!("{}{path}", lone.api().base())).header("x-backend-secret", secret);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

/// The entries of a bundle, by the lengths before them.
fn entries(mut bundle: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    while let [high, low, rest @ ..] = bundle {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        all.push(String::from_utf8(entry.to_vec()).unwrap());
        bundle = rest;
    }
    assert!(bundle.is_empty());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_the_events_byte_for_byte() {
    require!(Nats::available());
    let lone = start(&[]).await;
    let secret = lone.secret();
    for (path, expected) in [("000", 1..=256), ("001.p/44", 257..=300), ("001.p/3", 257..=259), ("000.p/1", 1..=1)] {
        let (status, headers, body) = bytes(&lone, &format!("/tile/entries/{path}"), secret).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/octet-stream"), "{path}");
        let expected: Vec<String> = expected.map(|seq| lone.record.body(seq)).collect();
        assert_eq!(entries(&body), expected, "{path}");
        assert_eq!(headers["cache-control"], "private, max-age=31536000, immutable");
    }
    // Beyond the checkpoint, though the events are there.
    for path in ["001", "001.p/45", "001.p/54", "002.p/1", "x001/000"] {
        lone.api().with_secret(secret).get(&format!("/tile/entries/{path}")).await.problem(404, "not_found");
    }
    lone.record.forgets(256);
    lone.api().with_secret(secret).get("/tile/entries/000").await.problem(404, "not_found");
    assert_eq!(entries(&bytes(&lone, "/tile/entries/001.p/44", secret).await.2).len(), 44);
}

/// Promise: one tile has one name; nothing else reaches the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_tile_has_one_name() {
    require!(Nats::available());
    let lone = start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    for path in ["0/000", "0/001.p/44", "1/000.p/1", "63/x999/x001/000"] {
        assert_eq!(api.get(&format!("/tile/{path}")).await.expect(200).text, "hashes");
    }
    let asked = lone.record.asked("qry.audit.tile");
    let asked: Vec<&str> = asked.iter().map(|(_, body)| body["path"].as_str().unwrap()).collect();
    assert_eq!(asked, ["0/000", "0/001.p/44", "1/000.p/1", "63/x999/x001/000"]);
    for path in [
        "0/0",
        "0/x000/000",
        "00/000",
        "64/000",
        "-1/000",
        "0/001.p/0",
        "0/001.p/256",
        "0/001.p/044",
        "0/000/",
        "0//000",
        "0/x001%2F000",
        "0/%30%30%30",
        "0/000.P/1",
        "0/000%2Ep/1",
        "0/000?",
        "entries/0",
        "data/000",
        "0/..%2f000",
        "0",
    ] {
        // What follows a question mark is no part of a name.
        let expected = if path.ends_with('?') { 200 } else { 404 };
        assert_eq!(api.get(&format!("/tile/{path}")).await.status, expected, "{path}");
    }
    assert_eq!(lone.record.asked("qry.audit.tile").len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_public_all_of_it_needs_the_scope() {
    require!(Nats::available());
    let lone = start(&[("BACKEND_API_KEYS", KEYS)]).await;
    let auditor = lone.api().with_secret("audit-audit-audit-audit");
    let manager = lone.api().with_secret("manage-manage-manage-ma");
    for path in ["/checkpoint", "/tile/0/000", "/tile/entries/000", "/api/audit/key", "/api/audit/proof/3"] {
        lone.api().get(path).await.problem(401, "credential_required");
        manager.get(path).await.problem(403, "scope_missing");
        let answer = auditor.get(path).await.expect(200);
        let kept = answer.header("cache-control").unwrap();
        assert!(
            kept == "no-store" || kept.starts_with("private"),
            "a shared cache would give it to anybody: {path} {kept}"
        );
    }
}

/// Promise: anybody may check the ledger, nobody sees an event by it.
#[tokio::test(flavor = "multi_thread")]
async fn in_public_there_are_hashes_and_no_events() {
    require!(Nats::available());
    let lone = start(&[("AUDIT_PUBLIC", "1")]).await;
    let api = lone.api();
    let checkpoint = api.get("/checkpoint").await.expect(200);
    assert_eq!(
        (checkpoint.text.as_str(), checkpoint.header("content-type")),
        (CHECKPOINT, Some("text/plain; charset=utf-8"))
    );
    assert_eq!(checkpoint.header("cache-control"), Some("public, max-age=5"));
    let tile = api.get("/tile/0/000").await.expect(200);
    assert_eq!(tile.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(api.get("/api/audit/key").await.expect(200).str("origin"), "studio.example/ledger");
    for path in ["/tile/entries/000", "/api/audit/proof/3", "/api/events"] {
        api.get(path).await.problem(401, "credential_required");
    }
    let (_, headers, _) = bytes(&lone, "/tile/entries/000", lone.secret()).await;
    assert!(headers["cache-control"].to_str().unwrap().starts_with("private"));
    // What is not there yet is not kept.
    lone.record.says("qry.audit.checkpoint", 404, "not_found", json!({"detail": "nothing is signed yet"}).to_string());
    let none = api.get("/checkpoint").await.problem(404, "not_found");
    assert_eq!(none.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_of_a_place_in_the_ledger() {
    require!(Nats::available());
    let lone = start(&[]).await;
    let api = lone.api().with_secret(lone.secret());
    assert_eq!(api.get("/api/audit/proof/3").await.expect(200).int("seq"), 3);
    for place in ["0", "03", "-1", "+3", "x", "9223372036854775808", "3.0"] {
        api.get(&format!("/api/audit/proof/{place}")).await.problem(404, "not_found");
    }
    let asked: Vec<Value> = lone.record.asked("qry.audit.proof").into_iter().map(|(_, body)| body).collect();
    assert_eq!(asked, [json!({"seq": 3})]);
    lone.record.goes_away().await;
    api.get("/api/audit/proof/3").await.problem(503, "bus_unavailable");
    api.get("/checkpoint").await.problem(503, "bus_unavailable");
}
