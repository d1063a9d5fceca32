//! What is wrong with a request is said in a problem document of the right status and code, and changes nothing.

use avanzacast_tests::{Answer, Api, Stack, on_both_databases};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const BODY_LIMIT: usize = 64 * 1024;

async fn send(api: &Api, body: impl Into<Vec<u8>>) -> Answer {
    api.raw("POST", "/api/session", JSON, body.into()).await
}

fn with(member: &str, value: Value) -> Value {
    let mut body = json!({"room": "demo", "username": "Ana"});
    body[member] = value;
    body
}

async fn a_ttl_is_whole_seconds_within_its_limits(api: &Api) {
    let malformed = [json!(0), json!(-1), json!(1.5), json!("60"), json!(true), json!([60]), json!({})];
    for ttl in malformed {
        let answer = api.post("/api/session", &with("ttl", ttl.clone())).await;
        assert!(["malformed", "ttl_out_of_range"].contains(&answer.str("code")), "{ttl}: {answer:#?}");
        let code = answer.str("code").to_owned();
        answer.problem(400, &code);
    }
    for huge in ["86401", "4294967295", "4294967296", "18446744073709551616", "1e400", "1e300", "-0", "NaN"] {
        let answer = send(api, format!(r#"{{"room":"demo","username":"Ana","ttl":{huge}}}"#)).await;
        assert_eq!(answer.status, 400, "{huge}: {answer:#?}");
    }
    api.post("/api/session", &with("ttl", json!(86_401))).await.problem(400, "ttl_out_of_range");
    for ttl in [1, 86_400] {
        api.post("/api/session", &with("ttl", json!(ttl))).await.expect(201);
    }
}

async fn names_hold_1_to_256_bytes_without_control_characters(api: &Api) {
    let bad = ["", " ", "\t", "\u{2003}", "a\nb", "a\0b", "\u{7f}", "\u{85}", "\u{1b}[31m"].map(str::to_owned);
    let long = ["a".repeat(257), "é".repeat(129), "a".repeat(60_000)];
    for member in ["room", "username"] {
        for name in bad.iter().chain(&long) {
            let answer = api.post("/api/session", &with(member, json!(name))).await.problem(400, "malformed");
            assert!(answer.str("detail").len() < 1_000, "what was sent is not sent back at length");
        }
        for wrong in [json!(null), json!(7), json!(["demo"]), json!({"name": "demo"}), json!(true)] {
            api.post("/api/session", &with(member, wrong)).await.problem(400, "malformed");
        }
        for good in ["a".repeat(256), "é".repeat(128), "日本語 🎥".to_owned(), "a b".to_owned()] {
            api.post("/api/session", &with(member, json!(good))).await.expect(201);
        }
    }
    api.post("/api/session", &with("room", json!("*"))).await.problem(400, "malformed");
    api.post("/api/session", &with("username", json!("*"))).await.expect(201);
    for missing in [json!({"room": "demo"}), json!({"username": "Ana"}), json!({})] {
        api.post("/api/session", &missing).await.problem(400, "malformed");
    }
    for (member, value) in [("role", json!("HOST")), ("role", json!(1)), ("singleUse", json!("yes"))] {
        api.post("/api/session", &with(member, value)).await.problem(400, "malformed");
    }
}

async fn a_body_is_one_json_object(api: &Api) {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let nested = |inside: &str| format!(r#"{{"room":"demo","username":"Ana","x":{inside}}}"#);
    let bad = [
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"text\"",
        "true",
        "[1,2]",
        "{",
        r#"{"room":"demo","username":"Ana""#,
        r#"{"room":"demo","username":"Ana"} x"#,
        r#"{"room":"demo","username":"Ana"}{}"#,
        "{room:1}",
        r#"{"room":"demo","username":"\ud800"}"#,
        r#"{"room":"demo","room":"other","username":"Ana"}"#,
    ]
    .map(str::to_owned);
    let deeps = [deep("[", "]"), deep("{\"a\":", "}").replacen('}', "1}", 1), "[".repeat(10_000)];
    for body in bad.iter().chain(&deeps) {
        send(api, body.as_bytes()).await.problem(400, "malformed");
    }
    for bytes in [&b"\xff\xfe"[..], b"{\"room\":\"\xc3\x28\",\"username\":\"Ana\"}", b"\xef\xbb\xbf{}"] {
        send(api, bytes).await.problem(400, "malformed");
    }
    // An array in the order of the fields is not an object.
    send(api, r#"["demo","Ana",60,"guest",false]"#).await.problem(400, "malformed");
    // Inside a field that nobody reads, depth does no harm: it is passed over without recursion.
    send(api, nested(&deep("[", "]")).as_bytes()).await.expect(201);
    let unknown = api.post("/api/session", &with("canPublish", json!({"roomAdmin": [true]}))).await.expect(201);
    assert_eq!(unknown.int("ttlSeconds"), 300, "unknown fields are ignored");
}

/// A body of exactly this many bytes that is valid.
fn padded(bytes: usize) -> String {
    let frame = r#"{"room":"demo","username":"Ana","x":""}"#.len();
    format!(r#"{{"room":"demo","username":"Ana","x":"{}"}}"#, "x".repeat(bytes - frame))
}

async fn a_body_holds_64_kib(api: &Api) {
    send(api, padded(BODY_LIMIT)).await.expect(201);
    send(api, padded(BODY_LIMIT + 1)).await.problem(413, "payload_too_large");
    let large = api.try_post("/api/session", &with("x", json!("x".repeat(2 * 1024 * 1024)))).await;
    large.expect("the refusal arrives").problem(413, "payload_too_large");
    // Nobody says in advance how long a chunked body is.
    for (size, status) in [(BODY_LIMIT, "201"), (BODY_LIMIT + 1, "413"), (1024 * 1024, "413")] {
        let answer = chunked(api, &padded(size)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{size}: {answer}");
        assert_eq!(status == "413", answer.contains("\"code\":\"payload_too_large\""), "{size}: {answer}");
    }
}

/// Sends a body in chunks, over a connection of its own, and gives the answer as it came.
async fn chunked(api: &Api, body: &str) -> String {
    let address = api.base().strip_prefix("http://").unwrap();
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut request = "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_owned();
    for chunk in body.as_bytes().chunks(5_000) {
        request.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()));
    }
    request.push_str("0\r\n\r\n");
    let sending = async {
        // A server that has refused may close before it has read everything.
        drop(write.write_all(request.as_bytes()).await);
    };
    let reading = async {
        let mut answer = Vec::new();
        drop(read.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::join!(sending, reading).1
}

async fn a_body_says_that_it_is_json(api: &Api) {
    let body = r#"{"room":"demo","username":"Ana"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "json", ""] {
        let answer = api.raw("POST", "/api/session", &[("content-type", kind)], body).await;
        answer.problem(415, "unsupported_media_type");
    }
    api.raw("POST", "/api/session", &[], body).await.problem(415, "unsupported_media_type");
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"] {
        api.raw("POST", "/api/session", &[("content-type", kind)], body).await.expect(201);
    }
}

async fn an_id_is_known_or_unknown_or_none(api: &Api) {
    let unknown = ["0b8a7f9e-6c1d-4a53-9b1e-2f7c3d4e5f60", "abcd", "____"].map(str::to_owned);
    for id in unknown.into_iter().chain(["a".repeat(128)]) {
        api.get(&format!("/api/session/{id}")).await.problem(404, "session_not_found");
        api.post_empty(&format!("/api/session/{id}/consume")).await.problem(404, "session_not_found");
    }
    let malformed =
        ["abc", "a%20b%20c", "%2e%2e%2fx", "abcd%00", "%ff%fe%fd%fc", "sesi%C3%B3n", "ab.cd", "ab*d", "ab>d"];
    for id in malformed.map(str::to_owned).into_iter().chain(["a".repeat(129), "a".repeat(5_000)]) {
        api.get(&format!("/api/session/{id}")).await.problem(400, "malformed");
        api.post_empty(&format!("/api/session/{id}/consume")).await.problem(400, "malformed");
    }
}

async fn a_resume_key_is_32_to_128_plain_characters_sent_once(api: &Api) {
    let created = api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let consume = format!("/api/session/{}/consume", created.str("id"));
    for key in [String::new(), "short".to_owned(), "x".repeat(31), "x".repeat(129), "x y".repeat(16)] {
        api.clone().with("x-session-resume", &key).post_empty(&consume).await.problem(400, "malformed");
    }
    let key = "x".repeat(32);
    let twice = [("x-session-resume", key.as_str()), ("x-session-resume", key.as_str())];
    api.raw("POST", &consume, &twice, "").await.problem(400, "malformed");
    api.clone().with("x-session-resume", &"x".repeat(128)).post_empty(&consume).await.expect(200);
}

async fn routes_and_methods_that_are_not_there(api: &Api) {
    for path in [
        "/index.html",
        "/api",
        "/api/sessionx",
        "/api/session/abcd/other",
        "/api/session/",
        "//api/session",
        "/API/session",
    ] {
        api.get(path).await.problem(404, "not_found");
    }
    for (method, path) in [
        ("GET", "/api/session"),
        ("PUT", "/api/session"),
        ("PATCH", "/api/session/abcd"),
        ("POST", "/health"),
        ("DELETE", "/api/session/abcd/consume"),
        ("POST", "/livez"),
        ("BREW", "/api/session"),
    ] {
        let answer = api.raw(method, path, &[], "").await.problem(405, "method_not_allowed");
        assert!(answer.header("allow").is_some(), "405 names what is allowed (RFC 9110): {answer:#?}");
    }
}

async fn bad_input(stack: &Stack) {
    let api = stack.api();
    a_ttl_is_whole_seconds_within_its_limits(&api).await;
    names_hold_1_to_256_bytes_without_control_characters(&api).await;
    a_body_is_one_json_object(&api).await;
    a_body_holds_64_kib(&api).await;
    a_body_says_that_it_is_json(&api).await;
    an_id_is_known_or_unknown_or_none(&api).await;
    a_resume_key_is_32_to_128_plain_characters_sent_once(&api).await;
    routes_and_methods_that_are_not_there(&api).await;
    // After all this it works as before.
    api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    api.get("/health").await.expect(200);
    let refused = api.get("/api/session/abc").await;
    assert_eq!(refused.header("x-request-id"), Some(refused.str("requestId")));
    let named = api.clone().with("x-request-id", "my-own.request_1").get("/api/session/abc").await;
    assert_eq!(named.str("requestId"), "my-own.request_1");
}

on_both_databases!(bad_input);
