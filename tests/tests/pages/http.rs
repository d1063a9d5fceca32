//! The pages over HTTP: what browsers are told of them, in which language they come, and the cookie that stands for the secret.
//! Promises: no page of another origin can do anything with it, and it ends with the secret.

use avanzacast_tests::{Answer, Api, Stack, StackOptions, pairs, require};
use avanzacast_tests::{Postgres, eventually};
use serde_json::json;

const COOKIE: &str = "avanzacast_console";

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:#?}"));
    set.split(';').next().unwrap().to_owned()
}

async fn log_in(api: &Api, secret: &str) -> Answer {
    api.post("/api/console/login", &json!({ "secret": secret })).await
}

/// A browser that has logged in, at the page of this origin.
fn browser(stack: &Stack, cookie: &str, origin: &str) -> Api {
    stack.api().with("cookie", cookie).with("origin", origin)
}

#[tokio::test]
async fn pages_come_under_a_strict_policy_and_in_the_reader_s_language() {
    let env = pairs([("VITE_STUDIO_URL", "https://studio.example/s"), ("LIVEKIT_URL", "wss://live.example/base")]);
    let stack = Stack::sqlite_with(env).await;
    let api = stack.api();
    for path in ["/panel", "/panel/9f1c2d3e-0000-4000-8000-000000000001", "/studio", "/studio/nonsense", "/console"] {
        let page = api.get(path).await.expect(200);
        let policy = page.header("content-security-policy").unwrap();
        for needed in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.contains(needed), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        let is_studio = path.starts_with("/studio");
        let live = "connect-src 'self' wss://live.example https://live.example;";
        assert_eq!(policy.contains(live), is_studio, "{path}: {policy}");
        assert_eq!(policy.contains("frame-ancestors 'self' https://studio.example"), is_studio, "{policy}");
        assert_eq!(policy.contains("frame-ancestors 'none'"), !is_studio, "{policy}");
        let permissions = page.header("permissions-policy").unwrap();
        assert_eq!(permissions.contains("camera=(self), microphone=(self)"), is_studio, "{permissions}");
        assert_eq!(page.header("content-language"), Some("es"));
        assert!(
            page.text.contains("<html lang=\"es\"") && !page.text.contains("<style") && !page.text.contains("style=\"")
        );
        let english = api.clone().with("accept-language", "en-GB,es;q=0.5").get(path).await.expect(200);
        assert!(english.text.contains("<html lang=\"en\""));
        let kept = english_kept(&api, path).await;
        let again = api.clone().with("cookie", &kept).with("accept-language", "es").get(path).await.expect(200);
        assert!(again.text.contains("<html lang=\"en\""), "a choice counts more than the browser's language");
    }
    assert_eq!(api.get("/panel?lang=xx").await.expect(200).header("set-cookie"), None);
}

async fn english_kept(api: &Api, path: &str) -> String {
    cookie(&api.get(&format!("{path}?lang=en")).await.expect(200))
}

#[tokio::test]
async fn what_a_page_loads_is_kept_by_its_name_and_asked_for_by_another() {
    let stack = Stack::sqlite().await;
    let api = stack.api();
    let page = api.get("/panel").await.expect(200);
    let style = page.text.split('"').find(|part| part.ends_with("/css/base.css")).unwrap().to_owned();
    let kept = api.get(&style).await.expect(200);
    assert_eq!(kept.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(kept.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = kept.header("etag").unwrap().to_owned();
    // Of another version of the program, while an upgrade is under way.
    let other = api.get("/assets/0123456789abcdef/css/base.css").await.expect(200);
    assert_eq!((other.header("cache-control"), &other.text), (Some("public, no-cache"), &kept.text));
    let same = api.clone().with("if-none-match", &format!("W/\"x\", {tag}")).get(&style).await.expect(304);
    assert_eq!(same.text, "");
    let packed = api.clone().with("accept-encoding", "gzip").get(&style).await.expect(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    for missing in
        ["css/none.css", "../Cargo.toml", "..%2f..%2fCargo.toml", "html/layout.html", "", "livekit-client.js"]
    {
        api.get(&format!("/assets/x/{missing}")).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_cookie_stands_for_the_secret_in_our_own_pages_only() {
    let env = pairs([("BACKEND_API_KEYS", "viewer:a-secret-of-its-own:audit"), ("PUBLIC_URL", "https://own.example")]);
    let stack = Stack::sqlite_with(env).await;
    let api = stack.api();
    log_in(&api, "wrong").await.problem(401, "credential_invalid");
    let nothing = api.get("/api/console").await.expect(200);
    assert_eq!(nothing.body, json!({"unlocked": false, "scopes": [], "version": env!("CARGO_PKG_VERSION")}));

    let given = log_in(&api, stack.secret()).await.expect(200);
    assert_eq!(given.body["scopes"], json!(["mint", "register", "manage", "audit"]));
    let set = given.header("set-cookie").unwrap();
    for needed in ["__Host-", "; Path=/", "; Max-Age=43200", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(set.contains(needed), "{set}");
    }
    assert!(!set.contains(stack.secret()));
    let cookie = cookie(&given);
    let own = browser(&stack, &cookie, "https://own.example");
    own.get("/api/sessions").await.expect(200);
    assert_eq!(own.get("/api/console").await.expect(200).body["name"], "register");
    let made = own.post("/api/broadcasts", &json!({"title": "Friday"})).await.expect(201);
    let start = format!("/api/broadcasts/{}/start", made.str("id"));

    // Other pages: of another origin, of another port of the same host, of no origin; and none that says so.
    for origin in ["https://evil.example", "http://own.example", "https://own.example.evil.example", "null"] {
        browser(&stack, &cookie, origin).post_empty(&start).await.problem(403, "origin_not_allowed");
        let seen = browser(&stack, &cookie, origin).get("/api/sessions").await.expect(200);
        assert_eq!(seen.header("access-control-allow-credentials"), None, "no other page can read it");
        assert_eq!(seen.header("access-control-allow-origin"), None);
    }
    stack.api().with("cookie", &cookie).post_empty(&start).await.problem(403, "origin_not_allowed");
    // What is open to anybody stays so: the cookie just does not count.
    let elsewhere = browser(&stack, &cookie, "https://evil.example");
    elsewhere.post("/api/broadcasts", &json!({"title": "Anybody's"})).await.expect(201);
    own.post_empty(&start).await.expect(200);
    let created = stack.events_of_type("broadcast.created");
    let kinds: Vec<_> = created.iter().map(|event| event["data"]["actor"]["kind"].clone()).collect();
    assert_eq!(kinds, ["console", "anonymous"]);

    // A key with fewer scopes has no more by its cookie, and loses nothing that anybody may do.
    let viewer = log_in(&api, "a-secret-of-its-own").await.expect(200);
    assert_eq!((&viewer.body["name"], &viewer.body["scopes"]), (&json!("viewer"), &json!(["audit"])));
    let viewer = browser(&stack, &self::cookie(&viewer), "https://own.example");
    viewer.get("/api/sessions").await.problem(403, "scope_missing");
    viewer.post("/api/broadcasts", &json!({"title": "Mine"})).await.expect(201);

    // What is no cookie of ours is as if it was none.
    let (name, value) = cookie.split_once('=').unwrap();
    let (until, mac) = value.split_once('.').unwrap();
    let later: i64 = until.parse::<i64>().unwrap() + 1;
    for forged in [format!("{later}.{mac}"), format!("{until}."), String::new(), "x".to_owned(), format!("{until}.00")]
    {
        let forged = browser(&stack, &format!("{name}={forged}"), "https://own.example");
        forged.get("/api/sessions").await.problem(401, "credential_required");
    }
    // Nor does it hide one that is: of an edge that had another secret, or of before, when this one had no HTTPS.
    for stale in [format!("{name}={until}.00"), "avanzacast_console=1.00".to_owned()] {
        let both = browser(&stack, &format!("{stale}; {cookie}"), "https://own.example");
        both.get("/api/sessions").await.expect(200);
        assert_eq!(both.get("/api/console").await.expect(200).body["name"], "register");
    }
    let gone = own.post_empty("/api/console/logout").await.expect(204);
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_cookie_ends_with_the_secret_and_counts_at_every_edge() {
    require!(Postgres::available());
    let mut stack = Stack::postgres(StackOptions { edges: 2, ..Default::default() }).await;
    let given = log_in(&stack.api(), stack.secret()).await.expect(200);
    let cookie = cookie(&given);
    stack.api_n(1).with("cookie", &cookie).get("/api/sessions").await.expect(200);
    let other = stack.start_edge_with(pairs([("BACKEND_REGISTER_SECRET", "another-secret-than-before")]));
    other.wait_for_log("listening");
    Api::new(other.addr()).with("cookie", &cookie).get("/api/sessions").await.problem(401, "credential_required");
    stack.edges.push(other);
}

#[tokio::test]
async fn who_tries_secrets_is_turned_away_and_told_of() {
    let env = pairs([("RATE_LIMIT_UNKNOWN_PER_MINUTE", "3"), ("BACKEND_ALLOWED_IPS", "127.0.0.0/8")]);
    let stack = Stack::sqlite_with(env).await;
    for _ in 0..3 {
        log_in(&stack.api(), "guess").await.problem(401, "credential_invalid");
    }
    let refused = log_in(&stack.api(), stack.secret()).await.problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    for bad in [json!({}), json!({"secret": 7}), json!([])] {
        let answer = stack.api().post("/api/console/login", &bad).await;
        assert!([400, 429].contains(&answer.status), "{answer:#?}");
    }
    let elsewhere = Stack::sqlite_with(pairs([("BACKEND_ALLOWED_IPS", "192.0.2.0/24")])).await;
    log_in(&elsewhere.api(), elsewhere.secret()).await.problem(403, "address_not_allowed");
}

/// Whoever takes their browser elsewhere loses what the cookie allows, and nothing that anybody may see.
#[tokio::test]
async fn a_cookie_counts_from_where_the_secret_does() {
    let env = pairs([("BACKEND_ALLOWED_IPS", "192.0.2.0/24"), ("TRUSTED_PROXIES", "127.0.0.0/8")]);
    let stack = Stack::sqlite_with(env).await;
    let inside = stack.api().with("x-forwarded-for", "192.0.2.7");
    let cookie = cookie(&log_in(&inside, stack.secret()).await.expect(200));
    inside.clone().with("cookie", &cookie).get("/api/sessions").await.expect(200);
    let outside = stack.api().with("x-forwarded-for", "198.51.100.7").with("cookie", &cookie);
    outside.get("/api/sessions").await.problem(403, "address_not_allowed");
    outside.get("/panel").await.expect(200);
    outside.get("/api/broadcasts").await.expect(200);
}

#[tokio::test]
async fn in_development_nothing_is_asked() {
    let stack = Stack::sqlite_with(pairs([("BACKEND_REGISTER_SECRET", "")])).await;
    let open = stack.api().get("/api/console").await.expect(200);
    assert_eq!((&open.body["unlocked"], open.body["scopes"].as_array().map(Vec::len)), (&json!(true), Some(4)));
    let given = log_in(&stack.api(), "whatever").await.expect(200);
    assert_eq!(given.header("set-cookie"), None);
    let old = stack.api().with("cookie", &format!("{COOKIE}=1.00"));
    eventually("sessions are listed", async || old.get("/api/sessions").await.status == 200).await;
    assert!(stack.api().get("/").await.expect(200).text.contains("js/panel/main.js"));
}
