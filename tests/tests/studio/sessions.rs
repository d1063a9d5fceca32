//! Sessions, from outside, on both databases: what is answered, to whom, and that one consumer wins.

use avanzacast_tests::{Answer, Api, Stack, on_both_databases, payload};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

const KEY: &str = "a-key-of-the-consumer-0123456789_abc";
const OTHER_KEY: &str = "another-key-0123456789-0123456789_ab";

async fn create(api: &Api, more: Value) -> Answer {
    let mut body = json!({"room": "demo", "username": "Ana"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post("/api/session", &body).await
}

fn path_of(created: &Answer) -> String {
    format!("/api/session/{}", created.str("id"))
}

fn seconds_between(from: &str, to: &str) -> f64 {
    let moment = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    f64::from(i32::try_from(moment(to) - moment(from)).unwrap()) / 1000.0
}

fn assert_private(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:#?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:#?}");
}

/// What happens to one plain session between its creation and its end.
async fn a_session_is_created_looked_at_and_consumed_once(api: &Api) {
    let before = Timestamp::now().to_string();
    let created = create(api, json!({})).await.expect(201);
    let path = path_of(&created);
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_private(&created);
    assert_eq!(created.int("ttlSeconds"), 300);
    let life = seconds_between(&before, created.str("expiresAt"));
    assert!((299.0..330.0).contains(&life), "expires after {life} s");
    let members: Vec<&String> = created.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["expiresAt", "id", "redirectUrl", "studioUrl", "ttlSeconds"], "no token, no url");

    let seen = api.get(&path).await.expect(200);
    assert_private(&seen);
    assert_eq!((seen.str("room"), seen.str("username"), seen.str("id")), ("demo", "Ana", created.str("id")));
    assert_eq!((seen.int("ttlSeconds"), seen.str("expiresAt")), (300, created.str("expiresAt")));
    assert_eq!(seen.str("url"), "ws://127.0.0.1:9");

    let consumed = api.post_empty(&format!("{path}/consume")).await.expect(200);
    assert_private(&consumed);
    assert_eq!(consumed.str("token"), seen.str("token"), "a plain session has one token");
    assert_eq!(consumed.str("participant_token"), consumed.str("token"));
    assert_eq!((consumed.str("url"), consumed.str("server_url")), ("ws://127.0.0.1:9", "ws://127.0.0.1:9"));
    assert_eq!((consumed.str("id"), consumed.str("room")), (created.str("id"), "demo"));
    assert_eq!((consumed.str("username"), consumed.int("ttlSeconds")), ("Ana", 300));
    assert_eq!(consumed.str("expiresAt"), created.str("expiresAt"));
    assert!((0.0..1.001).contains(&seconds_between(created.str("expiresAt"), consumed.str("tokenExpiresAt"))));
    assert!((0.0..30.0).contains(&seconds_between(&before, consumed.str("consumedAt"))));
    assert!((32..=128).contains(&consumed.str("resumeKey").len()), "{consumed:#?}");

    api.post_empty(&format!("{path}/consume")).await.problem(409, "session_consumed");
    api.get(&path).await.problem(410, "session_consumed");
}

/// A lost answer or a reload costs the winner nothing, and gives nobody else anything.
async fn the_winner_comes_back_with_the_key_and_nobody_else_does(api: &Api) {
    for more in [json!({}), json!({"singleUse": true})] {
        let consume = format!("{}/consume", path_of(&create(api, more).await.expect(201)));
        let winner = api.clone().with("x-session-resume", KEY);
        let first = winner.post_empty(&consume).await.expect(200);
        assert_eq!(first.str("resumeKey"), KEY);
        let again = winner.post_empty(&consume).await.expect(200);
        let (then, now) = (payload(first.str("token")), payload(again.str("token")));
        assert_eq!(then["sub"], now["sub"], "the same participant");
        assert_ne!(then["jti"], now["jti"], "a fresh token");
        assert_eq!(first.str("consumedAt"), again.str("consumedAt"));
        assert!((299.0..330.0).contains(&seconds_between(first.str("consumedAt"), again.str("tokenExpiresAt"))));
        api.clone().with("x-session-resume", OTHER_KEY).post_empty(&consume).await.problem(409, "session_consumed");
        api.post_empty(&consume).await.problem(409, "session_consumed");

        // Who brought no key was given one, and it is as good.
        let consume = format!("{}/consume", path_of(&create(api, json!({"singleUse": true})).await.expect(201)));
        let given = api.post_empty(&consume).await.expect(200).str("resumeKey").to_owned();
        api.clone().with("x-session-resume", &given).post_empty(&consume).await.expect(200);
    }
}

/// A single-use link holds no token until the one consume that wins, and that one is short.
async fn a_single_use_link_has_no_token_before_its_consume(api: &Api) {
    let created = create(api, json!({"singleUse": true})).await.expect(201);
    assert_eq!(created.int("ttlSeconds"), 86_400, "a link's own default");
    let path = path_of(&created);
    for _ in 0..2 {
        let seen = api.get(&path).await.expect(200);
        let members: Vec<&String> = seen.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["expiresAt", "id", "room", "ttlSeconds", "username"], "neither token nor url");
        assert!(!seen.text.contains("eyJ") && !created.text.contains("eyJ"));
    }
    let consumed = api.post_empty(&format!("{path}/consume")).await.expect(200);
    let life = seconds_between(consumed.str("consumedAt"), consumed.str("tokenExpiresAt"));
    assert!((300.0..=301.0).contains(&life), "TOKEN_TTL_SECONDS, not {life}");
    let claims = payload(consumed.str("token"));
    let expires = claims["exp"].as_i64().unwrap();
    assert_eq!(expires, consumed.str("tokenExpiresAt").parse::<Timestamp>().unwrap().as_second());
    create(api, json!({"singleUse": true, "ttl": 2_592_000})).await.expect(201);
    create(api, json!({"singleUse": true, "ttl": 2_592_001})).await.problem(400, "ttl_out_of_range");
}

/// A link preview, a prefetch, a health check of somebody's proxy: nothing but the consume consumes.
async fn looking_never_consumes_and_nothing_counts_down(api: &Api) {
    let path = path_of(&create(api, json!({"ttl": 90})).await.expect(201));
    let first = api.get(&path).await.expect(200);
    for _ in 0..5 {
        let head = api.raw("HEAD", &path, &[], "").await.expect(200);
        assert_eq!(head.text, "");
        api.raw("GET", &format!("{path}/consume"), &[], "").await.problem(405, "method_not_allowed");
        api.raw("HEAD", &format!("{path}/consume"), &[], "").await.expect(405);
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let later = api.get(&path).await.expect(200);
    assert_eq!(later.text, first.text);
    assert_eq!(api.post_empty(&format!("{path}/consume")).await.expect(200).int("ttlSeconds"), 90);
}

/// Exactly one winner per link, for any number of callers.
async fn of_a_hundred_consumers_one_wins_and_wins_again(api: &Api) {
    for (round, single_use) in [true, false, true].into_iter().enumerate() {
        let created = create(api, json!({"singleUse": single_use})).await.expect(201);
        let consume = &format!("{}/consume", path_of(&created));
        let answers = join_all((0..100).map(|n| async move {
            let key = format!("racer-{round}-{n}-{}", "x".repeat(32));
            (api.clone().with("x-session-resume", &key).post_empty(consume).await, key)
        }))
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(answer, _)| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 99), "round {round}");
        for (answer, _) in lost {
            answer.problem(409, "session_consumed");
        }
        let again = api.clone().with("x-session-resume", &won[0].1).post_empty(consume).await.expect(200);
        assert_eq!(payload(again.str("token"))["sub"], payload(won[0].0.str("token"))["sub"]);
    }
}

/// Grants come from the role, the role from the server's rules: never from a body.
async fn roles_decide_what_a_token_allows_and_who_may_ask(api: &Api) {
    for (more, publishes) in [(json!({}), true), (json!({"role": "viewer", "canPublish": true}), false)] {
        let seen = api.get(&path_of(&create(api, more).await.expect(201))).await.expect(200);
        let video = json!({"room": "demo", "roomJoin": true, "canPublish": publishes, "canSubscribe": true,
            "canPublishData": publishes});
        assert_eq!(payload(seen.str("token"))["video"], video);
    }
    for role in ["cohost", "host"] {
        create(api, json!({"role": role})).await.problem(401, "credential_required");
    }
    create(api, json!({"role": "admin"})).await.problem(400, "malformed");
    create(api, json!({"room": "broadcast-0198"})).await.problem(403, "room_reserved");
    create(api, json!({"room": "broadcaster"})).await.expect(201);
}

async fn links_point_where_the_variables_say(api: &Api) {
    // Never built from what the caller claims.
    let created = create(&api.clone().with("x-forwarded-host", "evil.test"), json!({})).await.expect(201);
    let id = created.str("id");
    assert_eq!(created.str("studioUrl"), format!("https://studio.test/s/{id}"));
    assert_eq!(created.str("redirectUrl"), format!("https://panel.test/?session={id}#top"));
    assert!(!created.text.contains("eyJ"), "a token is never in a URL");
}

async fn sessions(stack: &Stack) {
    let api = stack.api();
    a_session_is_created_looked_at_and_consumed_once(&api).await;
    the_winner_comes_back_with_the_key_and_nobody_else_does(&api).await;
    a_single_use_link_has_no_token_before_its_consume(&api).await;
    looking_never_consumes_and_nothing_counts_down(&api).await;
    of_a_hundred_consumers_one_wins_and_wins_again(&api).await;
    roles_decide_what_a_token_allows_and_who_may_ask(&api).await;
    links_point_where_the_variables_say(&api).await;
}

on_both_databases!(
    sessions,
    [
        ("VITE_STUDIO_URL", "https://studio.test/s/"),
        ("VITE_BROADCASTPANEL_URL", "https://panel.test/?session={id}#top"),
    ]
);
