//! Broadcasts, from outside, on both databases: one life, in one direction; lists without gap or repeat.

use std::collections::BTreeSet;

use avanzacast_tests::{Answer, Api, Stack, on_both_databases};
use futures::future::join_all;
use serde_json::{Value, json};

fn manager(stack: &Stack) -> Api {
    stack.api().with_secret(stack.secret())
}

async fn create(api: &Api, more: Value) -> Answer {
    let mut body = json!({"title": "Friday night"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post("/api/broadcasts", &body).await
}

async fn owner(api: &Api, name: &str) -> i64 {
    let user = json!({"email": format!("{name}@example.com"), "username": name});
    api.post("/api/users", &user).await.expect(201).int("id")
}

async fn do_to(api: &Api, id: &str, what: &str) -> Answer {
    api.post_empty(&format!("/api/broadcasts/{id}/{what}")).await
}

/// Where the `Link` to the next page points.
fn next(answer: &Answer) -> Option<String> {
    let (target, relation) = answer.header("link")?.split_once(">; ").unwrap();
    assert_eq!(relation, "rel=\"next\"");
    Some(target.strip_prefix('<').unwrap().to_owned())
}

fn ids(page: &Answer) -> Vec<String> {
    page.body.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Every page, and what happens between two of them.
async fn pages(api: &Api, first: &str, meanwhile: impl AsyncFn()) -> Vec<Vec<String>> {
    let (mut pages, mut path) = (Vec::new(), Some(first.to_owned()));
    while let Some(at) = path {
        let page = api.get(&at).await.expect(200);
        pages.push(ids(&page));
        path = next(&page);
        meanwhile().await;
    }
    pages
}

async fn a_broadcast_is_made_and_looked_at(stack: &Stack) {
    let api = manager(stack);
    let made = create(&api, json!({})).await.expect(201);
    let members: Vec<&String> = made.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["createdAt", "description", "id", "ownerId", "status", "title"]);
    assert_eq!((made.str("title"), made.str("description"), made.str("status")), ("Friday night", "", "created"));
    assert_eq!(made.body["ownerId"], Value::Null);
    assert_eq!(made.str("id").as_bytes()[14], b'7', "UUID v7");
    let path = format!("/api/broadcasts/{}", made.str("id"));
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(api.get(&path).await.expect(200).body, made.body);
    let ana = owner(&api, "ana").await;
    let full = create(&api, json!({"description": "two\nlines\tand a tab", "ownerId": ana})).await.expect(201);
    assert_eq!((full.str("description"), full.int("ownerId")), ("two\nlines\tand a tab", ana));
    let seen = api.get(&format!("/api/broadcasts/{}", full.str("id").to_uppercase())).await.expect(200);
    assert_eq!(seen.body, full.body);
}

async fn what_is_not_a_broadcast_is_refused(stack: &Stack) {
    let api = manager(stack);
    let before = stack.query("SELECT count(*) FROM broadcast");
    for bad in [
        json!({"title": ""}),
        json!({"title": " "}),
        json!({"title": null}),
        json!({"title": "a\nb"}),
        json!({"title": "é".repeat(129)}),
        json!({"description": "a\u{0}"}),
        json!({"description": "a\r\n"}),
        json!({"description": "é".repeat(2_001)}),
        json!({"ownerId": "1"}),
        json!({"ownerId": 1.5}),
    ] {
        create(&api, bad).await.problem(400, "malformed");
    }
    for unknown in [0, -1, 999_999, i64::MAX] {
        create(&api, json!({"ownerId": unknown})).await.problem(422, "owner_unknown");
    }
    for id in ["x", "1", "00000000-0000-0000-0000-000000000000", "019c1c3f000070008000000000000009", "%7B%7D"] {
        api.get(&format!("/api/broadcasts/{id}")).await.problem(404, "broadcast_not_found");
        do_to(&api, id, "start").await.problem(404, "broadcast_not_found");
        do_to(&api, id, "end").await.problem(404, "broadcast_not_found");
    }
    assert_eq!(stack.query("SELECT count(*) FROM broadcast"), before);
}

async fn what_the_server_decides_cannot_be_sent(stack: &Stack) {
    let id = "019c1c3f-0000-7000-8000-000000000009";
    let made = json!({"id": id, "status": "live", "createdAt": "2000-01-01T00:00:00Z", "startedAt": 1, "room": "x"});
    let made = create(&manager(stack), made).await.expect(201);
    assert!(made.str("id") != id && made.str("status") == "created", "{made:#?}");
    assert!(!made.str("createdAt").starts_with("2000"), "{made:#?}");
}

async fn it_lives_once_and_in_one_direction(stack: &Stack) {
    let api = manager(stack);
    let made = create(&api, json!({"description": "about"})).await.expect(201);
    let id = made.str("id");
    for (what, status) in [("end", 409), ("start", 200), ("start", 409), ("end", 200), ("end", 409), ("start", 409)] {
        let answer = do_to(&api, id, what).await;
        if status == 409 {
            answer.problem(409, "broadcast_state");
            continue;
        }
        let answer = answer.expect(200);
        let mut expected = made.body.clone();
        expected["status"] = json!(if what == "start" { "live" } else { "ended" });
        assert_eq!(answer.body, expected);
        assert_eq!(api.get(&format!("/api/broadcasts/{id}")).await.expect(200).body, expected);
    }
    let about = |line: &String| line.contains(id);
    let events: Vec<Value> =
        stack.ledger().iter().filter(|l| about(l)).map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["broadcast.created", "broadcast.started", "broadcast.ended"]);
    for event in &events {
        assert_eq!(event["data"]["room"], format!("broadcast-{id}"));
        assert_eq!(event["data"]["broadcast"], id);
    }
    let marks = stack
        .query(&format!("SELECT started_at <= ended_at, created_at <= started_at FROM broadcast WHERE id = '{id}'"));
    assert!(["1|1", "t|t"].contains(&marks.as_str()), "{marks}");
}

/// Promise 3: a change happens once, whoever asks for it at the same time.
async fn of_twenty_starts_one_starts(stack: &Stack) {
    let api = manager(stack);
    let made = create(&api, json!({})).await.expect(201);
    for what in ["start", "end"] {
        let answers = join_all((0..20).map(|_| do_to(&api, made.str("id"), what))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{what}: {won:#?}");
        lost.into_iter().for_each(|answer| drop(answer.problem(409, "broadcast_state")));
    }
    let keyed = manager(stack).with("idempotency-key", "the-key-of-one-start");
    let made = create(&api, json!({})).await.expect(201);
    let starts = join_all((0..5).map(|_| do_to(&keyed, made.str("id"), "start"))).await;
    starts.into_iter().for_each(|answer| assert_eq!(answer.expect(200).str("status"), "live"));
    do_to(&api, made.str("id"), "end").await.expect(200);
    assert_eq!(do_to(&keyed, made.str("id"), "start").await.expect(200).str("status"), "live", "what it said");
}

async fn a_repetition_makes_nothing_twice(stack: &Stack) {
    let keyed = manager(stack).with("idempotency-key", "the-key-of-one-broadcast");
    let answers = join_all((0..20).map(|_| create(&keyed, json!({"title": "once"})))).await;
    let made: BTreeSet<String> = answers.into_iter().map(|answer| answer.expect(201).text).collect();
    assert_eq!(made.len(), 1, "{made:#?}");
    create(&keyed, json!({"title": "twice"})).await.problem(422, "idempotency_key_reused");
}

async fn a_list_takes_nothing_that_is_none(stack: &Stack) {
    let api = manager(stack);
    for bad in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=ten",
        "limit=",
        "limit=1.5",
        "limit=99999999999",
        "limit=1&limit=2",
        "cursor=",
        "cursor=!",
        "cursor=AA",
        "cursor=eA",
        "cursor=%F0%9F%8E%A5",
        "cursor=bm9uZQ&limit=1",
        "status=Live",
        "status=",
        "status=over",
        "ownerId=ana",
        "ownerId=",
        "ownerId=1.0",
    ] {
        api.get(&format!("/api/broadcasts?{bad}")).await.problem(400, "malformed");
    }
    for none in ["ownerId=0", "ownerId=-1", "ownerId=999999", "ownerId=999999&status=live"] {
        let page = api.get(&format!("/api/broadcasts?{none}")).await.expect(200);
        assert_eq!((page.text.as_str(), page.header("link")), ("[]", None));
    }
    api.get("/api/broadcasts?unknown=1&limit=1").await.expect(200);
}

/// Id, owner and status of a broadcast that was made.
type Made = (String, Option<i64>, &'static str);

/// Broadcasts of two owners, in every state, with others in between.
async fn lists_are_newest_first_and_filtered(stack: &Stack) {
    let api = manager(stack);
    let (bo, eva) = (owner(&api, "bo").await, owner(&api, "eva").await);
    let mut made: Vec<Made> = Vec::new();
    for n in 0..12 {
        let more = if n % 3 == 0 { json!({}) } else { json!({"ownerId": if n % 3 == 1 { bo } else { eva }}) };
        let broadcast = create(&api, more).await.expect(201);
        let id = broadcast.str("id").to_owned();
        for what in ["start", "end"].into_iter().take(n / 4) {
            do_to(&api, &id, what).await.expect(200);
        }
        made.push((id, broadcast.body["ownerId"].as_i64(), ["created", "live", "ended"][n / 4]));
    }
    let expected = |wanted: &dyn Fn(&Made) -> bool| -> Vec<String> {
        made.iter().rev().filter(|broadcast| wanted(broadcast)).map(|(id, ..)| id.clone()).collect()
    };
    for (query, wanted) in [
        (format!("ownerId={bo}"), expected(&|b| b.1 == Some(bo))),
        (format!("ownerId={eva}&status=live"), expected(&|b| b.1 == Some(eva) && b.2 == "live")),
        (format!("status=created&ownerId={bo}"), expected(&|b| b.1 == Some(bo) && b.2 == "created")),
    ] {
        assert_eq!(ids(&api.get(&format!("/api/broadcasts?{query}")).await.expect(200)), wanted, "{query}");
        let by_one = pages(&api, &format!("/api/broadcasts?limit=1&{query}"), async || ()).await;
        assert_eq!(by_one.len(), wanted.len(), "no page is empty");
        assert_eq!(by_one.concat(), wanted, "{query}, one by one");
    }
    for status in ["created", "live", "ended"] {
        let page = api.get(&format!("/api/broadcasts?status={status}")).await.expect(200);
        let mine: Vec<_> = ids(&page).into_iter().filter(|id| made.iter().any(|(other, ..)| other == id)).collect();
        assert_eq!(mine, expected(&|b| b.2 == status), "{status}");
        assert!(page.body.as_array().unwrap().iter().all(|item| item["status"] == status));
    }
    let first = api.get("/api/broadcasts?limit=5").await.expect(200);
    assert_eq!(ids(&first), expected(&|_| true)[..5]);
}

/// Promise: whoever pages through a list sees everything that was there when they began, once, in order.
async fn paging_neither_skips_nor_repeats_while_more_are_made(stack: &Stack) {
    let api = manager(stack);
    join_all((0..60).map(|_| create(&api, json!({"title": "many"}))))
        .await
        .into_iter()
        .for_each(|a| drop(a.expect(201)));
    let there = stack.query("SELECT id FROM broadcast ORDER BY id DESC");
    let there: Vec<&str> = there.lines().collect();
    let page = api.get("/api/broadcasts").await.expect(200);
    assert_eq!(ids(&page), there[..50], "fifty unless asked otherwise");
    for limit in [7, 100] {
        let before = stack.query("SELECT id FROM broadcast ORDER BY id DESC");
        let more = async || {
            let made = join_all((0..3).map(|_| create(&api, json!({"title": "meanwhile"})))).await;
            made.into_iter().for_each(|answer| drop(answer.expect(201)));
        };
        let seen = pages(&api, &format!("/api/broadcasts?limit={limit}"), more).await;
        assert!(seen.iter().rev().skip(1).all(|page| page.len() == limit));
        assert_eq!(seen.concat(), before.lines().collect::<Vec<_>>(), "limit {limit}");
    }
}

async fn no_event_says_what_it_is_about(stack: &Stack) {
    let about = json!({"title": "Hidden Title", "description": "Clandestine plans"});
    let made = create(&manager(stack), about).await.expect(201);
    for kept in [stack.ledger().join("\n"), stack.query("SELECT decision FROM inbox")] {
        for secret in ["Hidden Title", "Clandestine", "Friday night", "@example.com"] {
            assert!(!kept.contains(secret), "{secret} is kept for good");
        }
    }
    let id = made.str("id");
    stack.query(&format!("DELETE FROM person WHERE subject = 'broadcast_{id}'"));
    let seen = manager(stack).get(&format!("/api/broadcasts/{id}")).await.expect(200);
    assert_eq!((seen.str("title"), seen.str("description"), seen.str("status")), ("", "", "created"));
    assert_eq!(do_to(&manager(stack), id, "start").await.expect(200).str("title"), "");
}

/// Anybody may make broadcasts and look at them, as the panel does; only a manager leads them through their life.
async fn some_doors_are_open(stack: &Stack) {
    let anybody = stack.api();
    let made = create(&anybody, json!({})).await.expect(201);
    let (id, path) = (made.str("id"), format!("/api/broadcasts/{}", made.str("id")));
    assert_eq!(anybody.get(&path).await.expect(200).body, made.body);
    assert_eq!(ids(&anybody.get("/api/broadcasts?limit=1").await.expect(200)), [id]);
    for what in ["start", "end"] {
        do_to(&anybody, id, what).await.problem(401, "credential_required");
    }
    do_to(&manager(stack), id, "start").await.expect(200);
    let actors: Vec<Value> = stack
        .ledger()
        .iter()
        .filter(|line| line.contains(id))
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["data"]["actor"].clone())
        .collect();
    assert_eq!(actors, [json!({"kind": "anonymous"}), json!({"kind": "key", "name": "register"})]);
}

async fn broadcasts(stack: &Stack) {
    some_doors_are_open(stack).await;
    a_broadcast_is_made_and_looked_at(stack).await;
    what_is_not_a_broadcast_is_refused(stack).await;
    what_the_server_decides_cannot_be_sent(stack).await;
    it_lives_once_and_in_one_direction(stack).await;
    of_twenty_starts_one_starts(stack).await;
    a_repetition_makes_nothing_twice(stack).await;
    a_list_takes_nothing_that_is_none(stack).await;
    lists_are_newest_first_and_filtered(stack).await;
    paging_neither_skips_nor_repeats_while_more_are_made(stack).await;
    no_event_says_what_it_is_about(stack).await;
}

on_both_databases!(broadcasts);
