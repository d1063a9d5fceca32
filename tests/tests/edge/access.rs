//! Who may ask: every operation with every credential, as the published description says; and what is no credential.

use avanzacast_kit::config::Scope;
use avanzacast_tests::{Answer, Api, Launch, Postgres, Stack, StackOptions, pairs, require};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const NOBODY: &str = "0b8a7f9e-6c1d-4a53-9b1e-2f7c3d4e5f60";
/// One key for each scope.
const KEYS: &str = "minter:mint-mint-mint-mint-mint:mint,registrar:register-register-register:register,\
    manager:manage-manage-manage-ma:manage,auditor:audit-audit-audit-audit:audit";

/// `X-BACKEND-SIGNATURE` for a request, made so many seconds from now.
fn sign(secret: &str, method: &str, target: &str, body: &str, seconds: i64) -> String {
    let moment = jiff::Timestamp::now().as_second() + seconds;
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let made = mac.chain_update(format!("{moment}.{method}.{target}.{body}")).finalize().into_bytes();
    format!("t={moment},v1={}", HEXLOWER.encode(&made))
}

/// An operation, as the description has it.
struct Operation {
    name: String,
    method: String,
    path: String,
    /// Whether a credential is looked at.
    checked: bool,
    /// Whether one is needed.
    secret: bool,
    /// What a key must be allowed, where it matters.
    scope: Option<String>,
    /// Whether only LiveKit itself may call.
    livekit: bool,
}

impl Operation {
    fn read(path: &str, method: &str, described: &Value) -> Self {
        let ways = described["security"].as_array().unwrap();
        let scope = ways.iter().find_map(|way| way.get("secret")).map(|scopes| scopes[0].as_str().unwrap().to_owned());
        Self {
            name: format!("{method} {path}"),
            method: method.to_uppercase(),
            path: path
                .replace("{id}", NOBODY)
                .replace("{seq}", "99999")
                .replace("{level}", "0")
                .replace("{index}", "000"),
            // The console's login has the secret in its body.
            checked: described["responses"].get("401").is_some() && path != "/api/console/login",
            secret: !ways.is_empty() && !ways.contains(&json!({})),
            scope,
            livekit: ways.iter().any(|way| way.get("livekit").is_some()),
        }
    }

    async fn ask(&self, api: &Api, headers: &[(&str, &str)]) -> Answer {
        api.raw(&self.method, &self.path, headers, "").await
    }

    /// What this key comes to: nothing, or the refusal.
    fn expected_of(&self, key: &str) -> Option<&'static str> {
        let holds = self.scope.as_deref().is_none_or(|scope| scope == key);
        (!holds).then_some("scope_missing")
    }
}

async fn operations(api: &Api) -> Vec<Operation> {
    let document = api.get("/openapi.json").await.expect(200).body;
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            all.push(Operation::read(path, method, described));
        }
    }
    all
}

/// The answer's code when it is about the credential.
fn refused(answer: &Answer) -> Option<String> {
    let code = answer.body.get("code").and_then(Value::as_str).unwrap_or_default();
    let about = ["credential_required", "credential_invalid", "scope_missing", "address_not_allowed"].contains(&code);
    let detail = answer.body.get("detail").and_then(Value::as_str).unwrap_or_default();
    let twice = detail.contains("more than one credential") || detail.contains("must be sent once");
    (about || (code == "malformed" && twice)).then(|| code.to_owned())
}

#[tokio::test]
async fn every_operation_asks_every_caller_what_the_description_says() {
    let stack = Stack::sqlite_with(pairs([("BACKEND_API_KEYS", KEYS), ("OPEN_ENDPOINTS", "session,token")])).await;
    let (api, right) = (stack.api(), stack.secret());
    // Closed here, though the description says how it could be open.
    let closed = ["broadcast", "user", "checkpoint", "tile", "audit/key"];
    for operation in operations(&api).await {
        if operation.livekit {
            let bearer = format!("Bearer {right}");
            for header in [("x-backend-secret", right), ("authorization", right), ("authorization", &bearer)] {
                assert_eq!(operation.ask(&api, &[header]).await.status, 401, "{} with {header:?}", operation.name);
            }
            continue;
        }
        let named = |id: &str| operation.path.contains(id);
        let needed = operation.secret || (operation.scope.is_some() && closed.iter().any(|word| named(word)));
        let check = async |what: &str, headers: &[(&str, &str)], expected: Option<&str>| {
            let answer = operation.ask(&api, headers).await;
            let expected = expected.filter(|_| operation.checked);
            assert_eq!(refused(&answer).as_deref(), expected, "{} with {what}: {answer:#?}", operation.name);
        };
        let bearer = format!("Bearer {right}");
        check("nothing", &[], needed.then_some("credential_required")).await;
        check("a wrong secret", &[("x-backend-secret", "wrong")], Some("credential_invalid")).await;
        check("an empty secret", &[("x-backend-secret", "")], Some("credential_invalid")).await;
        check("somebody else's bearer", &[("authorization", "Bearer x.y.z")], needed.then_some("credential_invalid"))
            .await;
        check("another scheme", &[("authorization", "Basic eDp5")], needed.then_some("credential_required")).await;
        check("no signature", &[("x-backend-signature", "t=1,v1=00")], Some("credential_invalid")).await;
        check("the secret", &[("x-backend-secret", right)], None).await;
        check("the secret as a bearer", &[("authorization", &bearer)], None).await;
        check("the secret twice", &[("x-backend-secret", right), ("x-backend-secret", right)], Some("malformed")).await;
        check("two credentials", &[("x-backend-secret", right), ("authorization", &bearer)], Some("malformed")).await;
        let signature = sign(right, &operation.method, &operation.path, "", 0);
        check("a signature", &[("x-backend-signature", &signature)], None).await;
        for (scope, secret) in KEYS.split(',').map(|key| key.split(':').collect::<Vec<_>>()).map(|key| (key[2], key[1]))
        {
            assert!(Scope::ALL.iter().any(|known| known.word() == scope));
            check(scope, &[("x-backend-secret", secret)], operation.expected_of(scope)).await;
        }
    }
}

#[tokio::test]
async fn a_secret_in_the_query_or_in_the_body_is_none() {
    let stack = Stack::sqlite_with(pairs([("OPEN_ENDPOINTS", "none")])).await;
    let (api, secret) = (stack.api(), stack.secret());
    for name in ["x-backend-secret", "X-BACKEND-SECRET", "secret", "authorization", "token", "access_token", "api_key"]
    {
        api.get(&format!("/api/sessions?{name}={secret}")).await.problem(401, "credential_required");
        let body = json!({"room": "demo", "username": "Ana", name: secret});
        api.post("/api/session", &body).await.problem(401, "credential_required");
    }
    let cookie = format!("x-backend-secret={secret}");
    api.with("cookie", &cookie).get("/api/sessions").await.problem(401, "credential_required");
}

#[tokio::test]
async fn a_signature_is_for_one_request_and_for_now() {
    let stack = Stack::sqlite_with(pairs([("BACKEND_API_KEYS", KEYS)])).await;
    let (api, secret) = (stack.api(), stack.secret());
    let (path, body) = ("/api/internal/session?x=%41", r#"{"room":"demo","username":"Ana"}"#);
    let send = async |signature: &str, path: &str, body: &'static str| {
        let headers = [("x-backend-signature", signature), ("content-type", "application/json")];
        api.raw("POST", path, &headers, body).await
    };
    let good = sign(secret, "POST", path, body, 0);
    send(&good, path, body).await.expect(201);
    send(&sign(secret, "POST", path, body, -290), path, body).await.expect(201);
    send(&sign(secret, "POST", path, body, 290), path, body).await.expect(201);
    let wrong = [
        ("another body", good.clone(), path, r#"{"room":"demo","username":"Eva"}"#),
        ("another query", good.clone(), "/api/internal/session?x=%42", body),
        ("the same query spelled otherwise", good.clone(), "/api/internal/session?x=A", body),
        ("no query", good.clone(), "/api/internal/session", body),
        ("another path", good.clone(), "/api/livekit/token?x=%41", body),
        ("another method", sign(secret, "PUT", path, body, 0), path, body),
        ("another secret", sign("another", "POST", path, body, 0), path, body),
        ("too old", sign(secret, "POST", path, body, -310), path, body),
        ("too new", sign(secret, "POST", path, body, 310), path, body),
        ("another moment", format!("t={},{}", 1, good.split_once(',').unwrap().1), path, body),
        ("cut short", good[..good.len() - 2].to_owned(), path, body),
        ("with more behind it", format!("{good},v1=00"), path, body),
        ("empty", String::new(), path, body),
    ];
    for (what, signature, path, body) in wrong {
        let answer = send(&signature, path, body).await;
        assert_eq!((answer.status, answer.str("code")), (401, "credential_invalid"), "{what}");
    }
    let theirs = sign("audit-audit-audit-audit", "POST", path, body, 0);
    send(&theirs, path, body).await.problem(403, "scope_missing");
    let listed = sign("manage-manage-manage-ma", "GET", "/api/sessions?limit=1", "", 0);
    api.clone().with("x-backend-signature", &listed).get("/api/sessions?limit=1").await.expect(200);
}

#[tokio::test]
async fn events_say_which_key_it_was() {
    let stack = Stack::sqlite_with(pairs([("BACKEND_API_KEYS", KEYS)])).await;
    let body = json!({"room": "demo", "username": "Ana"});
    let actor = async |api: Api| {
        let made = api.post("/api/session", &body).await.expect(201);
        let id = avanzacast_schemas::SessionId::try_from(made.str("id").to_owned()).unwrap();
        stack.events_of(id.participant().as_str())[0]["data"]["actor"].clone()
    };
    assert_eq!(actor(stack.api()).await, json!({"kind": "anonymous"}));
    assert_eq!(actor(stack.api().with_secret(stack.secret())).await, json!({"kind": "key", "name": "register"}));
    let key = stack.api().with("authorization", "bearer mint-mint-mint-mint-mint");
    assert_eq!(actor(key).await, json!({"kind": "key", "name": "minter"}));
}

#[tokio::test]
async fn a_credential_works_from_its_networks_and_only_a_trusted_proxy_says_who_calls() {
    let here = ("BACKEND_ALLOWED_IPS", "203.0.113.0/24, 2001:db8::/32");
    let proxied = Stack::sqlite_with(pairs([here, ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")])).await;
    let ask = async |stack: &Stack, forwarded: &str| {
        let api = stack.api().with_secret(stack.secret()).with("x-forwarded-for", forwarded);
        api.get("/api/sessions").await.status
    };
    for (forwarded, status) in [
        ("203.0.113.9", 200),
        ("203.0.113.9, 10.1.2.3", 200),
        ("2001:db8:1::5", 200),
        ("198.51.100.1", 403),
        // What the client itself wrote comes first.
        ("203.0.113.9, 198.51.100.1", 403),
        ("203.0.113.9, nonsense", 403),
        ("nonsense", 403),
    ] {
        assert_eq!(ask(&proxied, forwarded).await, status, "{forwarded}");
    }
    let direct = Stack::sqlite_with(pairs([here])).await;
    let forged = direct.api().with_secret(direct.secret()).with("x-forwarded-for", "203.0.113.9");
    forged.with("x-real-ip", "203.0.113.9").get("/api/sessions").await.problem(403, "address_not_allowed");
    // Without a credential there is nothing to protect.
    direct.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
}

#[tokio::test]
async fn no_link_is_made_of_what_a_request_says_of_its_host() {
    let stack = Stack::sqlite().await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example;proto=https"),
        ("content-type", "application/json"),
    ];
    let body = r#"{"room":"demo","username":"Ana"}"#;
    let made = stack.api().raw("POST", "/api/session", &forged, body).await.expect(201);
    assert!(!made.text.contains("evil") && made.str("studioUrl").starts_with("http://backend.test/"), "{made:#?}");
    assert_eq!(made.header("location"), Some(format!("/api/session/{}", made.str("id")).as_str()));
}

#[tokio::test]
async fn development_without_a_secret_is_open_and_says_so_once_per_door() {
    let stack = Stack::sqlite_with(pairs([("BACKEND_REGISTER_SECRET", ""), ("OPEN_ENDPOINTS", "session,users")])).await;
    stack.api().get("/api/sessions").await.expect(200);
    let body = json!({"room": "demo", "username": "Ana"});
    stack.api().post("/api/internal/session", &body).await.expect(201);
    let logs = stack.edges[0].logs();
    let said = |text: &str| logs.iter().filter(|line| line.contains("WARN") && line.contains(text)).count();
    assert_eq!(said("OPEN_ENDPOINTS"), 1, "session mints, users does not: {logs:#?}");
    assert_eq!(said("development mode without a secret"), 1, "{logs:#?}");
}

/// A page whose name leads to this machine is to its browser what answers under that name.
#[tokio::test]
async fn development_without_a_secret_is_open_to_no_page_of_another_name() {
    let env = pairs([("BACKEND_REGISTER_SECRET", ""), ("PUBLIC_URL", "http://own.test:4000")]);
    let stack = Stack::sqlite_with(env).await;
    let body = json!({"room": "demo", "username": "Ana"});
    for host in ["evil.example", "evil.example:4000", "localhost.evil.example", ""] {
        let page = stack.api().with("host", host).with("origin", &format!("http://{host}"));
        for path in ["/api/sessions", "/panel", "/livez", "/nowhere"] {
            page.get(path).await.problem(421, "host_not_allowed");
        }
        page.post("/api/internal/session", &body).await.problem(421, "host_not_allowed");
        let preflight = page.raw("OPTIONS", "/api/sessions", &[("access-control-request-method", "GET")], "").await;
        assert_eq!(preflight.problem(421, "host_not_allowed").header("access-control-allow-origin"), None);
    }
    for host in ["localhost", "LOCALHOST:1", "[::1]:4000", "own.test:4000", "own.test"] {
        stack.api().with("host", host).get("/api/sessions").await.expect(200);
    }
    let locked = Stack::sqlite().await;
    locked.api().with("host", "any.example").with_secret(locked.secret()).get("/api/sessions").await.expect(200);
}

#[tokio::test]
async fn production_does_not_start_without_a_secret_and_lists_every_mistake() {
    let mistakes =
        [("OPEN_ENDPOINTS", "session,everything"), ("TRUSTED_PROXIES", "10.0.0.0/33"), ("VITE_STUDIO_URL", "x")];
    let edge = Launch::product(&["edge"]).envs(pairs(mistakes)).start();
    assert_eq!(edge.wait().code(), Some(2));
    let said = edge.logs().join("\n");
    for variable in ["BACKEND_REGISTER_SECRET", "OPEN_ENDPOINTS", "TRUSTED_PROXIES", "VITE_STUDIO_URL", "NATS_URL"] {
        assert!(said.contains(variable), "{variable}: {said}");
    }
}

#[tokio::test]
async fn in_production_a_closed_door_is_closed() {
    require!(Postgres::available());
    let env = pairs([("OPEN_ENDPOINTS", "none")]);
    let stack = Stack::postgres(StackOptions { env, ..Default::default() }).await;
    let (api, body) = (stack.api(), json!({"room": "demo", "username": "Ana"}));
    api.post("/api/session", &body).await.problem(401, "credential_required");
    api.get("/api/token?room=demo&username=Ana").await.problem(401, "credential_required");
    let made = api.clone().with_secret(stack.secret()).post("/api/session", &body).await.expect(201);
    // Who holds the id needs nothing else.
    let path = format!("/api/session/{}", made.str("id"));
    api.get(&path).await.expect(200);
    api.post_empty(&format!("{path}/consume")).await.expect(200);
}
