//! What the operator's console asks of the record. Promises: the answers are those of the ledger and of the command line,
//! whatever their size; what is asked wrongly is refused before anybody is asked.

use std::collections::BTreeMap;

use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Api, Stack, eventually, on_both_databases};
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

fn auditor(stack: &Stack) -> Api {
    stack.api().with_secret(stack.secret())
}

async fn create(stack: &Stack, room: &str, name: &str) -> String {
    let body = json!({"room": room, "username": name});
    stack.api().post("/api/session", &body).await.expect(201).str("id").to_owned()
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn moment(event: &Value) -> &str {
    event["time"].as_str().unwrap()
}

/// What a checkpoint says by itself, and the question says of it.
async fn where_the_ledger_stands(stack: &Stack) {
    let api = auditor(stack);
    let size: i64 = stack.query("SELECT size FROM ledger_head").parse().unwrap();
    eventually("all is signed", async || {
        api.get("/api/audit/ledger").await.expect(200).body["signed"]["size"] == json!(size)
    })
    .await;
    let state = api.get("/api/audit/ledger").await.expect(200);
    let checkpoint = api.get("/checkpoint").await.expect(200).text;
    let lines: Vec<&str> = checkpoint.lines().collect();
    assert_eq!(lines[..3], [state.str("origin"), &size.to_string(), state.str("root")]);
    assert_eq!((state.int("size"), state.int("indexed")), (size, size));
    assert_eq!(state.body["signed"]["root"], state.body["root"]);
    assert!(state.body["signed"]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
}

fn counted(answer: &Answer) -> BTreeMap<(String, String), i64> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let all = answer.body.as_array().unwrap().iter();
    all.map(|one| ((text(one, "hour"), text(one, "type")), one["count"].as_i64().unwrap())).collect()
}

async fn how_much_happened_when(stack: &Stack) {
    let api = auditor(stack);
    let mut expected = BTreeMap::new();
    for line in stack.ledger() {
        let event = parsed(&line);
        let hour = format!("{}:00:00.000Z", &moment(&event)[..13]);
        *expected.entry((hour, event["type"].as_str().unwrap().to_owned())).or_insert(0) += 1;
    }
    assert_eq!(counted(&api.get("/api/audit/counts").await.expect(200)), expected);
    let empty = api.get("/api/audit/counts?from=2001-01-01T00:00:00Z&to=2001-12-31T00:00:00Z").await.expect(200);
    assert_eq!(empty.body, json!([]));

    // A busy hour, counted in very many parts, and very many hours.
    let insert = |rows: &str| {
        stack.query(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             INSERT INTO ledger_count (hour, type, seq, count) {rows}"
        ))
    };
    let first = "2001-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond() / HOUR_MS;
    insert(&format!("SELECT {first}, 'a.b', i, 2 FROM n"));
    insert(&format!("SELECT {first} + 1 + i / 2, CASE i % 2 WHEN 0 THEN 'a.b' ELSE 'a.c' END, i, 1 FROM n"));
    let year = "/api/audit/counts?from=2001-01-01T00:30:00Z&to=2001-12-31T00:00:00Z";
    let all = api.get(year).await.expect(200);
    let hours = all.body.as_array().unwrap();
    assert_eq!(hours.len(), 12_001);
    assert_eq!(hours[0], json!({"hour": "2001-01-01T00:00:00.000Z", "type": "a.b", "count": 24_000}));
    assert_eq!(hours[2], json!({"hour": "2001-01-01T02:00:00.000Z", "type": "a.b", "count": 1}));
    let order = |one: &Value| (one["hour"].as_str().unwrap().to_owned(), one["type"].as_str().unwrap().to_owned());
    assert!(hours.is_sorted_by_key(order), "in order of hour and type");
    // Hours that begin before the end, from the one on in which the beginning is.
    for (query, count) in [
        ("from=2001-01-01T00:00:00Z&to=2001-01-01T01:00:00Z", 1),
        ("from=2001-01-01T00:59:59.999Z&to=2001-01-01T01:00:00.001Z", 2),
        ("from=2001-01-01T02:00:00%2B02:00&to=2001-01-01T02:00:00.001%2B02:00", 1),
        ("from=2001-01-01T02:00:00Z&to=2001-01-01T02:00:00Z", 0),
        ("to=2001-01-01T03:00:00Z", 1 + 1 + 2),
    ] {
        let some = api.get(&format!("/api/audit/counts?{query}")).await.expect(200);
        assert_eq!(some.body.as_array().unwrap().len(), count, "{query}");
    }
    stack.query("DELETE FROM ledger_count WHERE type IN ('a.b', 'a.c')");
}

/// All pages, as their events stand in the answers.
async fn listed(api: &Api, query: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = api.get(&format!("/api/audit/events?{query}&after={after}")).await.expect(200);
        let text = page.text.strip_prefix(r#"{"events":["#).unwrap();
        let events = page.body["events"].as_array().unwrap().len();
        let body = &text[..text.find(r#"],"through""#).unwrap()];
        // No text in these events has that in it.
        let apart = body.replace(r#"}},{"specversion""#, "}}\n{\"specversion\"");
        let lines: Vec<String> = apart.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), events);
        all.extend(lines);
        if page.body["done"] == json!(true) {
            return all;
        }
        assert!(page.int("through") > after, "{}", page.text);
        after = page.int("through");
    }
}

async fn what_happened_in_a_time(stack: &Stack) {
    let api = auditor(stack);
    for n in 0..30 {
        create(stack, if n % 3 == 0 { "third" } else { "demo" }, "Ana").await;
    }
    let ledger = stack.ledger();
    let at = |n: usize| moment(&parsed(&ledger[n])).to_owned();
    assert_eq!(listed(&api, "").await, ledger, "byte for byte");
    let last = ledger.len() - 1;
    for (from, to) in [(0, last), (3, 20), (7, 8), (last, last), (20, 20)] {
        let (from, to) = (at(from), at(to));
        let replay = ["replay", "--source", "ledger", "--from", &from, "--to", &to];
        let expected: Vec<String> = stack.audited(&replay).lines().map(str::to_owned).collect();
        assert_eq!(listed(&api, &format!("from={from}&to={to}")).await, expected, "{from} {to}");
        let of = |line: &String| parsed(line)["data"]["room"] == "third";
        let expected: Vec<String> = expected.into_iter().filter(of).collect();
        assert_eq!(listed(&api, &format!("from={from}&to={to}&room=third&type=token.*")).await, expected);
    }
    let coming = api.get("/api/audit/events?from=2999-01-01T00:00:00Z").await.expect(200);
    let size = i64::try_from(ledger.len()).unwrap();
    assert_eq!((&coming.body["events"], coming.body["done"].as_bool()), (&json!([]), Some(true)));
    assert_eq!((coming.int("through"), coming.int("end"), coming.int("first")), (size, size, 1));
    let before = api.get("/api/audit/events?to=2001-01-01T00:00:00Z").await.expect(200);
    assert_eq!((before.int("through"), &before.body["done"]), (0, &json!(true)));
    let beyond = api.get(&format!("/api/audit/events?after={}", size + 70)).await.expect(200);
    assert_eq!((&beyond.body["events"], &beyond.body["done"]), (&json!([]), &json!(true)));
    // After a place, and in a time.
    let from = at(3);
    let some = listed(&api, &format!("from={from}&to={}&type=token.registered", at(20))).await;
    let page = api.get(&format!("/api/audit/events?from={from}&to={}&after=10", at(20))).await.expect(200);
    assert!(page.body["events"].as_array().unwrap().iter().all(|event| event["ledgerseq"].as_str() > Some("10")));
    assert!(!some.is_empty());
}

/// The same JSON as the command line's.
async fn is_who(stack: &Stack, query: &str, arguments: &[&str]) -> Answer {
    let answer = auditor(stack).get(&format!("/api/audit/who?{query}")).await.expect(200);
    let told = stack.audited(&[&["who"], arguments, &["--json"]].concat());
    assert!(answer.text == told.trim_end(), "{query}:\n{}\n{told}", answer.text);
    answer
}

async fn who_was_there(stack: &Stack) {
    let id = create(stack, "démo", "Ana").await;
    stack.api().post_empty(&format!("/api/session/{id}/consume")).await.expect(200);
    let participant = SessionId::try_from(id.clone()).unwrap().participant();
    let keeper = auditor(stack);
    let broadcast = keeper.post("/api/broadcasts", &json!({"title": "Uno"})).await.expect(201).str("id").to_owned();
    let host = json!({"username": "Eva", "role": "host"});
    keeper.post(&format!("/api/broadcasts/{broadcast}/session"), &host).await.expect(201);
    stack.until_indexed().await;
    let now = jiff::Timestamp::now().to_string();
    let one = is_who(stack, &format!("room=d%C3%A9mo&at={now}"), &["--room", "démo", "--at", &now]).await;
    assert_eq!(one.body["couldEnter"][0]["name"]["value"], "Ana");
    is_who(stack, &format!("session={id}"), &["--session", &id]).await;
    is_who(stack, &format!("session={participant}&from={now}"), &["--session", &id, "--from", &now]).await;
    let of = format!("broadcast={broadcast}&to={now}");
    let eva = is_who(stack, &of, &["--broadcast", &broadcast, "--to", &now]).await;
    assert_eq!(eva.body["couldEnter"][0]["role"], "host");
    let nobody = keeper.get("/api/audit/who?room=nobody").await.expect(200);
    assert_eq!((&nobody.body["couldEnter"], &nobody.body["entered"]), (&json!([]), &json!([])));
    assert_eq!(nobody.body["period"]["from"], nobody.body["period"]["to"], "now, unless told");
}

/// More than fits in a message of the bus, twice.
async fn who_of_a_crowd(stack: &Stack) {
    for _ in 0..20 {
        let sessions = (0..25).map(|_| create(stack, "crowd", "Ana"));
        futures::future::join_all(sessions).await;
    }
    stack.until_indexed().await;
    let now = jiff::Timestamp::now().to_string();
    let answer = is_who(stack, &format!("room=crowd&at={now}"), &["--room", "crowd", "--at", &now]).await;
    assert_eq!(answer.body["couldEnter"].as_array().unwrap().len(), 500);
    assert!(answer.text.len() > 2 * 256 * 1024, "{}", answer.text.len());
    let api = auditor(stack);
    let query = format!("/api/audit/who?room=crowd&at={now}");
    let several = futures::future::join_all((0..12).map(|_| api.get(&query))).await;
    let (answered, busy): (Vec<_>, Vec<_>) = several.into_iter().partition(|one| one.status == 200);
    assert!(!answered.is_empty() && answered.iter().all(|one| one.text == answer.text), "several at once");
    for one in busy {
        assert!(one.problem(503, "busy").header("retry-after").is_some());
    }
}

async fn console_questions(stack: &Stack) {
    create(stack, "demo", "Ana").await;
    stack.until_indexed().await;
    where_the_ledger_stands(stack).await;
    how_much_happened_when(stack).await;
    what_happened_in_a_time(stack).await;
    who_was_there(stack).await;
    who_of_a_crowd(stack).await;
}

on_both_databases!(console_questions, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);
