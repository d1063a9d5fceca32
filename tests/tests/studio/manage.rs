//! Sessions as a manager sees and ends them: lists without a gap, revocations that hold, and never a token.

use std::collections::BTreeSet;

use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Api, Postgres, Stack, StackOptions, on_both_databases, require};
use serde_json::{Value, json};

const KEY: &str = "a-key-of-the-consumer-0123456789_abc";

async fn create(api: &Api, body: Value) -> String {
    api.post("/api/session", &body).await.expect(201).str("id").to_owned()
}

fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (target, relation) = link.split_once(">; ").expect("a Link header");
    assert_eq!(relation, r#"rel="next""#);
    Some(target.trim_start_matches('<').to_owned())
}

/// Every page from here on, and the ids on them.
async fn turn(manager: &Api, path: &str, between: impl AsyncFn()) -> Vec<Vec<String>> {
    let (mut pages, mut path) = (Vec::new(), Some(path.to_owned()));
    while let Some(here) = path {
        let answer = manager.get(&here).await.expect(200);
        assert!(!answer.text.contains("eyJ") && !answer.text.contains("token"), "{}", answer.text);
        let items = answer.body.as_array().expect("an array").iter();
        pages.push(items.map(|item| item["id"].as_str().unwrap().to_owned()).collect());
        path = next(&answer);
        between().await;
    }
    pages
}

/// All pages together are all sessions, newest first, each once, while more are made all the time.
async fn a_list_has_no_gap(api: &Api, manager: &Api) {
    let mut made = Vec::new();
    for n in 0..25 {
        made.push(create(api, json!({"room": if n % 2 == 0 { "even" } else { "odd" }, "username": "Ana"})).await);
    }
    made.reverse();
    let more = async || drop(create(api, json!({"room": "even", "username": "Eva"})).await);
    let pages = turn(manager, "/api/sessions?limit=4", more).await;
    assert!(pages.iter().all(|page| page.len() <= 4), "{pages:?}");
    assert_eq!(pages.concat(), made, "what came later is before the first page");

    let even: Vec<_> = made.iter().step_by(2).cloned().collect();
    let pages = turn(manager, "/api/sessions?limit=5&room=even", more).await.concat();
    assert_eq!(pages.iter().filter(|id| even.contains(id)).count(), even.len());
    assert_eq!(pages.iter().collect::<BTreeSet<_>>().len(), pages.len(), "none twice");
    let odd = turn(manager, "/api/sessions?room=odd&state=open", async || ()).await.concat();
    assert_eq!(odd, made.iter().filter(|id| !even.contains(id)).cloned().collect::<Vec<_>>());
    for (query, count) in [("room=nobody", 0), ("state=revoked", 0), ("room=odd&state=consumed", 0)] {
        assert_eq!(manager.get(&format!("/api/sessions?{query}")).await.expect(200).body, json!([]), "{query} {count}");
    }
}

async fn a_list_refuses_what_it_cannot_read(manager: &Api) {
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1.5",
        "limit=",
        "limit=x",
        "limit=1&limit=2",
        "cursor=",
        "cursor=!",
        "cursor=YWJj",
        "cursor=OTk5OS4n",
        "state=gone",
        "state=",
        "room=",
        "room=*",
        "room=%00",
        "broadcastId=7",
        "username=",
        "username=%20",
        "username=a&username=a",
    ] {
        manager.get(&format!("/api/sessions?{query}")).await.problem(400, "malformed");
    }
    // A statement is never put together from what callers say.
    let answer = manager.get("/api/sessions?room=x'%20OR%201=1%20--&whatever=1").await.expect(200);
    assert_eq!(answer.body, json!([]));
}

/// The states of the table, as a manager sees them.
async fn a_manager_sees_what_became_of_a_session(api: &Api, manager: &Api) {
    let state = async |id: &str| {
        let seen = manager.get(&format!("/api/sessions/{id}")).await.expect(200);
        assert!(seen.body.get("token").is_none() && !seen.text.contains("eyJ"), "{}", seen.text);
        seen
    };
    let id = create(api, json!({"room": "seen", "username": "Ana", "role": "viewer", "singleUse": true})).await;
    let open = state(&id).await;
    assert_eq!((open.str("state"), open.str("role"), open.str("username")), ("open", "viewer", "Ana"));
    assert!(open.body["singleUse"] == json!(true) && open.body.get("consumedAt").is_none());
    let consumed = api.post_empty(&format!("/api/session/{id}/consume")).await.expect(200);
    let seen = state(&id).await;
    assert_eq!((seen.str("state"), seen.str("consumedAt")), ("consumed", consumed.str("consumedAt")));
    manager.delete(&format!("/api/session/{id}")).await.expect(204);
    assert_eq!(state(&id).await.str("state"), "revoked");
    assert_eq!(turn(manager, "/api/sessions?state=revoked&room=seen", async || ()).await.concat(), [id]);
    let short = create(api, json!({"room": "seen", "username": "Ana", "ttl": 1})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(state(&short).await.str("state"), "expired", "also before the sweep has been there");
    manager.get("/api/sessions/nobody-has-it").await.problem(404, "session_not_found");
}

/// A revoked session lets nobody in any more, not even the one who redeemed it; and it is revoked once.
async fn a_revocation_holds(stack: &Stack, api: &Api, manager: &Api) {
    let winner = api.clone().with("x-session-resume", KEY);
    for consumed_before in [false, true] {
        let id = create(api, json!({"room": "demo", "username": "Ana", "singleUse": consumed_before})).await;
        let (path, consume) = (format!("/api/session/{id}"), format!("/api/session/{id}/consume"));
        if consumed_before {
            winner.post_empty(&consume).await.expect(200);
        }
        let gone = manager.delete(&path).await.expect(204);
        assert_eq!((gone.text.as_str(), gone.header("content-type")), ("", None));
        let deletions = (0..10).map(|_| manager.delete(&path));
        for answer in futures::future::join_all(deletions).await {
            answer.expect(204);
        }
        api.get(&path).await.problem(410, "session_revoked");
        for caller in [api, &winner] {
            caller.post_empty(&consume).await.problem(410, "session_revoked");
        }
        let participant = SessionId::try_from(id.clone()).unwrap().participant();
        let events = stack.events_of(participant.as_str());
        let revoked: Vec<_> = events.iter().filter(|event| event["type"] == "session.revoked").collect();
        assert_eq!(revoked.len(), 1, "{events:#?}");
        assert!(!revoked[0].to_string().contains(&id), "the id opens the door");
        let kind = revoked[0].pointer("/data/actor/kind").and_then(Value::as_str);
        assert_eq!(kind, Some("key"));
    }
    manager.delete("/api/session/nobody-has-it").await.problem(404, "session_not_found");
    let short = create(api, json!({"room": "demo", "username": "Ana", "ttl": 1})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    manager.delete(&format!("/api/session/{short}")).await.problem(410, "session_expired");
}

/// A key is one session's: it opens no other.
async fn another_sessions_key_is_no_key(api: &Api) {
    let (first, second) =
        (api.clone().with("x-session-resume", KEY), api.clone().with("x-session-resume", &KEY.replace("a-", "b-")));
    let mut paths = Vec::new();
    for winner in [&first, &second] {
        let id = create(api, json!({"room": "demo", "username": "Ana", "singleUse": true})).await;
        paths.push(format!("/api/session/{id}/consume"));
        winner.post_empty(paths.last().unwrap()).await.expect(200);
    }
    first.post_empty(&paths[1]).await.problem(409, "session_consumed");
    second.post_empty(&paths[0]).await.problem(409, "session_consumed");
    api.post_empty(&paths[0]).await.problem(409, "session_consumed");
    first.post_empty(&paths[0]).await.expect(200);
}

/// Somebody is found by a part of their name, as people write it, on every database in the same way.
async fn somebody_is_found_by_a_part_of_their_name(api: &Api, manager: &Api) {
    let mut made = Vec::new();
    for name in ["Águeda", "Mariana", "ana", "O'Brien [x]*?", "ΣΟΦΟΣ", r"back\slash", "50% off_now", "^start.end$"]
    {
        made.push(create(api, json!({"room": "named", "username": name})).await);
    }
    let found = async |query: &str| -> Vec<usize> {
        let ids = turn(manager, &format!("/api/sessions?limit=3&{query}"), async || ()).await.concat();
        let mut places: Vec<usize> = ids.iter().filter_map(|id| made.iter().position(|one| one == id)).collect();
        places.sort_unstable();
        places
    };
    for (query, expected) in [
        ("ANA", vec![1, 2]),
        ("%C3%A1gueda", vec![0]),
        ("%C3%81GU", vec![0]),
        ("agueda", vec![]),
        ("%CF%83%CE%BF%CF%86", vec![4]),
        ("[X]*", vec![3]),
        ("o%27b", vec![3]),
        ("?", vec![3]),
        ("K%5CS", vec![5]),
        ("%25", vec![6]),
        ("f_n", vec![6]),
        ("^", vec![7]),
        ("T.E", vec![7]),
        ("$", vec![7]),
        (".*", vec![]),
        ("1%3D1)%20OR%20(1%3D1", vec![]),
    ] {
        assert_eq!(found(&format!("username={query}")).await, expected, "{query}");
        assert_eq!(found(&format!("username={query}&room=named&state=open")).await, expected, "{query}");
    }
    assert_eq!(found("username=ana&room=elsewhere").await, Vec::<usize>::new());
    assert_eq!(found("username=ana&state=consumed").await, Vec::<usize>::new());
    manager.get(&format!("/api/sessions?username={}", "x".repeat(257))).await.problem(400, "malformed");
}

async fn manage(stack: &Stack) {
    let api = stack.api();
    let manager = stack.api().with_secret(stack.secret());
    a_list_has_no_gap(&api, &manager).await;
    a_list_refuses_what_it_cannot_read(&manager).await;
    a_manager_sees_what_became_of_a_session(&api, &manager).await;
    a_revocation_holds(stack, &api, &manager).await;
    another_sessions_key_is_no_key(&api).await;
    somebody_is_found_by_a_part_of_their_name(&api, &manager).await;
}

on_both_databases!(manage);

/// What is rare is found among very many, a bounded step at a time.
#[tokio::test]
async fn a_rare_state_is_found_behind_many_rows() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let manager = stack.api().with_secret(stack.secret());
    let id = create(&stack.api(), json!({"room": "crowd", "username": "Ana"})).await;
    manager.delete(&format!("/api/session/{id}")).await.expect(204);
    stack.sql(
        "INSERT INTO session (id, participant, room, role, origin, single_use, state, ttl, created_at, expires_at, due_at)
         SELECT 'many-' || n, 'p_' || substr(md5(n::text), 1, 26), 'crowd', 'guest', 'minted', 0, 'consumed', 300,
             s.created_at + n, s.expires_at, s.due_at
         FROM session s, generate_series(1, 25000) n",
    );
    for filter in ["state=revoked", "state=revoked&room=crowd", "username=ANA", "username=n&room=crowd"] {
        let pages = turn(&manager, &format!("/api/sessions?{filter}"), async || ()).await;
        assert_eq!(pages.concat(), [id.as_str()], "{filter}");
        assert_eq!(pages.len(), 3, "ten thousand rows are looked through for a page");
    }
    let all = turn(&manager, "/api/sessions?limit=100&room=crowd", async || ()).await.concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 25_001);
}
