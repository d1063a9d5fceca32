//! Watching the real thing: what is sent is the ledger, byte for byte, whoever dies meanwhile; what anybody may check of it
//! holds; and what was refused stands in it.

use std::collections::BTreeMap;
use std::time::Duration;

use avanzacast_tests::{
    Api, Dispatched, EventSource, Load, Postgres, Stack, StackOptions, eventually, http_client,
    merkle::{Hash, leaf, root},
    on_both_databases, require,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

async fn watch(stack: &Stack, query: &str, last_id: Option<&str>) -> EventSource {
    EventSource::open(&format!("{}/api/events{query}", stack.api().base()), stack.secret(), last_id).await
}

/// What was sent is the ledger from its first line on.
fn assert_is_the_ledger(sent: &[Dispatched], ledger: &[String]) {
    assert_eq!(sent.len(), ledger.len());
    for (place, (event, line)) in sent.iter().zip(ledger).enumerate() {
        assert_eq!((event.id.as_str(), &event.data), ((place + 1).to_string().as_str(), line));
    }
}

/// Watches on and on, coming back after every end, until it is told how much there is and has it all.
async fn watch_all(api: Api, secret: String, mut size: tokio::sync::watch::Receiver<Option<usize>>) -> Vec<Dispatched> {
    let (mut all, url) = (Vec::<Dispatched>::new(), format!("{}/api/events?after=0", api.base()));
    while size.borrow().is_none_or(|size| all.len() < size) {
        let last = all.last().map(|event| event.id.clone());
        let mut stream = EventSource::open(&url, &secret, last.as_deref()).await;
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(event) => all.push(event),
                    None => break,
                },
                changed = size.changed() => drop(changed),
            }
            if size.borrow().is_some_and(|size| all.len() >= size) {
                break;
            }
        }
    }
    all
}

/// Promise: nobody who watches gets an event twice or misses one, with the audit worker killed again and again and EVENTS
/// deleted, under load.
#[tokio::test(flavor = "multi_thread")]
async fn under_load_with_everything_going_wrong_it_is_the_ledger() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { audits: 1, edges: 2, ..Default::default() }).await;
    let (told, size) = tokio::sync::watch::channel(None);
    let mut watching = Vec::new();
    for n in 0..4 {
        watching.push(tokio::spawn(watch_all(stack.api_n(n % 2), stack.secret().to_owned(), size.clone())));
    }
    let load = Load::start(&[stack.api_n(0), stack.api_n(1)], 16, "demo");
    load.wait_for_sessions(300);
    stack.audits[0].kill9();
    load.wait_for_sessions(300);
    stack.nats.as_ref().unwrap().delete_stream("EVENTS").await;
    load.wait_for_sessions(100);
    stack.provision();
    let again = stack.start_audit();
    load.wait_for_sessions(300);
    again.kill9();
    load.wait_for_sessions(100);
    stack.audits = vec![stack.start_audit()];
    drop(load.stop().await);
    let ledger = stack.ledger();
    assert!(ledger.len() >= 1_100);
    told.send(Some(ledger.len())).unwrap();
    for reader in watching {
        assert_is_the_ledger(&reader.await.unwrap(), &ledger);
    }
}

async fn what_is_watched_is_what_was_and_what_comes(stack: &Stack) {
    let manager = stack.api().with_secret(stack.secret());
    let user = manager.post("/api/users", &json!({"email": "ana@example.com", "username": "ana"})).await.expect(201);
    let owner = user.int("id");
    let broadcast = stack.api().post("/api/broadcasts", &json!({"title": "x", "ownerId": owner})).await.expect(201);
    let id = broadcast.str("id").to_owned();
    let mut live = watch(stack, &format!("?broadcast={id}"), None).await;
    let inside = json!({"username": "Ana"});
    let session = manager.post(&format!("/api/broadcasts/{id}/session"), &inside).await.expect(201);
    let other = stack.api().post("/api/session", &json!({"room": "demo", "username": "Bo"})).await.expect(201);
    stack.api().post_empty(&format!("/api/session/{}/consume", other.str("id"))).await.expect(200);
    manager.post_empty(&format!("/api/broadcasts/{id}/start")).await.expect(200);
    let kinds = |events: &[Dispatched]| events.iter().map(|event| event.event.clone()).collect::<Vec<_>>();
    let came = live.take(2).await;
    assert_eq!(kinds(&came), ["token.registered", "broadcast.started"]);
    // What was is found by the index, or before the index has it; both must agree with what came.
    let ask = async |query: &str, count: usize| {
        let mut stream = watch(stack, &format!("?after=0&{query}"), None).await;
        let found = stream.take(count).await;
        assert!(stream.within(Duration::from_millis(200)).await.is_err(), "{query}: more than {count}");
        kinds(&found)
    };
    for _ in 0..2 {
        let all = ["broadcast.created", "token.registered", "broadcast.started"];
        assert_eq!(ask(&format!("broadcast={id}"), 3).await, all);
        assert_eq!(ask(&format!("room=broadcast-{id}"), 3).await, all);
        assert_eq!(ask(&format!("user={owner}"), 2).await, ["user.created", "broadcast.created"]);
        assert_eq!(ask(&format!("session={}", session.str("id")), 1).await, ["token.registered"]);
        let consumed = format!("session={}&type=session.*", other.str("id"));
        assert_eq!(ask(&consumed, 1).await, ["session.consumed"]);
        stack.until_indexed().await;
    }
    let mut whole = watch(stack, "?after=0", None).await;
    let ledger = stack.ledger();
    assert_is_the_ledger(&whole.take(ledger.len()).await, &ledger);
}
on_both_databases!(what_is_watched_is_what_was_and_what_comes, [], rooms: 0, audits: 1);

async fn bytes(stack: &Stack, path: &str) -> Vec<u8> {
    let client = http_client().build().unwrap();
    let request = client.get(format!("{}{path}", stack.api().base())).header("x-backend-secret", stack.secret());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.bytes().await.unwrap().to_vec()
}

/// Promise: whoever takes checkpoint, tiles and entries by their names gets one tree.
async fn checkpoint_tiles_and_entries_are_one_tree(stack: &Stack) {
    let mut made = Vec::new();
    for number in 0..300 {
        made.push(json!({"room": "demo", "username": format!("guest {number}")}));
    }
    for chunk in made.chunks(50) {
        let posts = chunk.iter().map(|body| async { stack.api().post("/api/session", body).await.expect(201) });
        drop(futures::future::join_all(posts).await);
    }
    let api = stack.api().with_secret(stack.secret());
    let mut size = 0;
    eventually("everything is signed", async || {
        let checkpoint = api.get("/checkpoint").await;
        size = checkpoint.text.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
        size == 300
    })
    .await;
    // Nothing happens any more, so it is the last.
    let checkpoint = api.get("/checkpoint").await.expect(200);
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    for suffix in ["000".to_owned(), format!("001.p/{}", size - 256)] {
        let mut bundle = &*bytes(stack, &format!("/tile/entries/{suffix}")).await;
        while let [high, low, rest @ ..] = bundle {
            let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            entries.push(entry.to_vec());
            bundle = rest;
        }
        hashes.extend(bytes(stack, &format!("/tile/0/{suffix}")).await);
    }
    let leaves: Vec<Hash> = entries.iter().map(leaf).collect();
    assert_eq!(leaves.concat(), hashes, "level 0 is the entries' hashes");
    assert_eq!(bytes(stack, "/tile/1/000.p/1").await, root(&leaves[..256]), "level 1 is the root of a full tile below");
    let said = checkpoint.text.lines().nth(2).unwrap();
    assert_eq!(BASE64_STANDARD.encode(root(&leaves)), said, "and all of it is what was signed");
    let beyond = format!("/tile/0/001.p/{}", size - 255);
    api.get(&beyond).await.problem(404, "not_found");
    api.get(&format!("/tile/entries/001.p/{}", size - 255)).await.problem(404, "not_found");
    api.get("/tile/0/001").await.problem(404, "not_found");
    let proof = api.get("/api/audit/proof/3").await.expect(200);
    assert_eq!(proof.str("event").as_bytes(), entries[2]);
    assert!(proof.str("proof").contains(said));
    let key = api.get("/api/audit/key").await.expect(200);
    assert_eq!(checkpoint.text.lines().next(), Some(key.str("origin")));
}
on_both_databases!(checkpoint_tiles_and_entries_are_one_tree, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 0, audits: 1);

/// Promise: what was refused stands in the ledger, once, when the edge has ended.
async fn what_was_refused_stands_in_the_ledger(stack: &Stack) {
    for _ in 0..500 {
        stack.api().with_secret("wrong").get("/api/sessions").await.expect(401);
    }
    let forged = json!({"sessionId": "forged-1", "token": "a.b.c"});
    // In development mode tokens are taken unchecked.
    let checked = !stack.is_sqlite();
    if checked {
        stack.api().with_secret(stack.secret()).post("/api/tokens", &forged).await.problem(400, "token_invalid");
    }
    let made = stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let consume = format!("/api/session/{}/consume", made.str("id"));
    stack.api().post_empty(&consume).await.expect(200);
    for _ in 0..3 {
        stack.api().post_empty(&consume).await.problem(409, "session_consumed");
    }
    assert!(stack.edges[0].terminate().success());
    let told = stack.events_of_type("requests.refused");
    assert!((1..=2).contains(&told.len()), "{told:#?}");
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for kind in told.iter().flat_map(|event| event["data"]["refused"].as_array().unwrap()) {
        assert_eq!(kind["network"], Value::from("127.0.0.0/24"));
        *sums.entry(kind["code"].as_str().unwrap().to_owned()).or_default() += kind["count"].as_u64().unwrap();
    }
    let mut expected = vec![("credential_invalid", 500), ("session_consumed", 3)];
    expected.extend(checked.then_some(("token_invalid", 1)));
    assert_eq!(sums, expected.into_iter().map(|(code, count)| (code.to_owned(), count)).collect());
    assert!(told.iter().all(|event| event["data"]["actor"] == json!({"kind": "anonymous"})));
}
on_both_databases!(what_was_refused_stands_in_the_ledger, [], rooms: 0, audits: 1);
