//! Which pages a browser lets call, and what it is told about every answer.

use avanzacast_tests::{Answer, Api, Stack, pairs};
use serde_json::json;

const PANEL: &str = "https://panel.example";

async fn preflight(api: &Api, path: &str, origin: &str) -> Answer {
    let asked = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,authorization,idempotency-key,x-session-resume"),
    ];
    api.raw("OPTIONS", path, &asked, "").await
}

/// Whether the page may read the answer.
fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

async fn frontends() -> Stack {
    let env = [
        ("VITE_BROADCASTPANEL_URL", "https://Panel.example/p/{id}"),
        ("VITE_STUDIO_URL", "https://studio.example:443/"),
        ("VITE_TOKEN_SERVER_URL", "http://tokens.example:3000"),
        ("PUBLIC_URL", "https://backend.example"),
    ];
    Stack::sqlite_with(pairs(env)).await
}

#[tokio::test]
async fn the_frontends_and_nobody_else() {
    let stack = frontends().await;
    let api = stack.api();
    for origin in [PANEL, "https://studio.example", "http://tokens.example:3000"] {
        let answer = preflight(&api, "/api/session", origin).await.expect(200);
        assert_eq!(allowed(&answer), Some(origin));
        let read = api.clone().with("origin", origin).get("/health").await;
        assert_eq!(allowed(&read), Some(origin));
    }
    for origin in [
        "null",
        "",
        "https://panel.example.evil.example",
        "https://evilpanel.example",
        "https://sub.panel.example",
        "http://panel.example",
        "https://panel.example:8443",
        "https://panel.example/",
        "https://panel.example@evil.example",
        "https://PANEL.example",
        "http://localhost:3000",
        "https://panel.example https://evil.example",
        "*",
    ] {
        let answer = preflight(&api, "/api/session", origin).await;
        assert_eq!(allowed(&answer), None, "{origin}");
        assert_eq!(allowed(&api.clone().with("origin", origin).get("/health").await), None, "{origin}");
    }
}

#[tokio::test]
async fn any_route_answers_a_preflight_and_every_answer_can_be_read() {
    let stack = frontends().await;
    let api = stack.api();
    for path in ["/api/session", "/api/session/x/consume", "/api/sessions", "/api/broadcasts", "/nowhere"] {
        let answer = preflight(&api, path, PANEL).await.expect(200);
        let headers = answer.header("access-control-allow-headers").unwrap().to_owned();
        for name in ["content-type", "authorization", "idempotency-key", "x-session-resume", "last-event-id"] {
            assert!(headers.contains(name), "{path}: {headers}");
        }
        for name in ["traceparent", "x-backend-secret", "x-backend-signature"] {
            assert!(headers.contains(name), "{path}: {headers}");
        }
        assert!(answer.header("access-control-allow-methods").unwrap().contains("DELETE"));
        assert_eq!(answer.header("access-control-allow-credentials"), None, "there are no cookies");
    }
    // Refusals too, of whatever kind, or a page would learn nothing.
    let page = api.with("origin", PANEL);
    let wrong = page.clone().with("x-backend-secret", "wrong").get("/api/sessions").await.expect(401);
    let refusals = [
        page.post("/api/session", &json!({})).await.expect(400),
        page.get("/api/session/unknown").await.expect(404),
        page.raw("PUT", "/api/session", &[], "").await.expect(405),
        page.get("/nowhere").await.expect(404),
        wrong,
    ];
    for answer in refusals {
        assert_eq!(allowed(&answer), Some(PANEL), "{answer:#?}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in ["location", "link", "retry-after", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(answer.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
    }
}

#[tokio::test]
async fn in_development_this_machine_and_nobody_who_only_looks_like_it() {
    let stack = Stack::sqlite().await;
    let api = stack.api();
    for origin in ["http://localhost", "http://localhost:5173", "http://127.0.0.1:3000"] {
        assert_eq!(allowed(&preflight(&api, "/api/session", origin).await), Some(origin));
    }
    for origin in [
        "null",
        "http://localhost:80.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:80",
        "http://localhost:99999",
        "https://localhost:3000",
        "http://evil.example",
    ] {
        assert_eq!(allowed(&preflight(&api, "/api/session", origin).await), None, "{origin}");
    }
    let open = Stack::sqlite_with(pairs([("ALLOW_ALL_CORS", "1")])).await;
    assert_eq!(allowed(&preflight(&open.api(), "/api/session", "http://evil.example").await), Some("*"));
    assert!(open.edges[0].logs().iter().any(|line| line.contains("ALLOW_ALL_CORS") && line.contains("WARN")));
}

#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do_with_it() {
    let stack = frontends().await;
    let api = stack.api();
    let made = api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let path = format!("/api/session/{}", made.str("id"));
    let secret = [
        api.get(&path).await.expect(200),
        api.get("/api/token?room=demo&username=Ana").await.expect(200),
        api.get("/api/session/unknown").await.expect(404),
        api.post_empty(&format!("{path}/consume")).await.expect(200),
        made,
    ];
    for answer in &secret {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:#?}");
    }
    let others = [
        api.get("/health").await,
        api.get("/docs").await.expect(200),
        api.get("/openapi.json").await.expect(200),
        api.get("/nowhere").await,
        preflight(&api, "/api/session", PANEL).await,
    ];
    for answer in secret.iter().chain(&others) {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:#?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:#?}");
        assert!(answer.header("vary").is_some_and(|vary| vary.contains("origin")), "{answer:#?}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{answer:#?}");
    }
    // Over plain HTTP a browser must not be told never to use it again.
    assert_eq!(Stack::sqlite().await.api().get("/health").await.header("strict-transport-security"), None);
}
