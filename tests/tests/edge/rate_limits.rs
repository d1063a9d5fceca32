//! How often one client may ask, and how often it may guess; and connections that ask nothing.

use std::time::{Duration, Instant};

use avanzacast_tests::{Api, Stack, kept, pairs};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The edge's limit of 5 s, and what a busy machine adds.
const SILENCE: std::ops::Range<Duration> = Duration::from_millis(4_500)..Duration::from_secs(11);

/// Behind a proxy that is trusted, so that a test can be many clients.
async fn limited(more: &[(&str, &str)]) -> Stack {
    let mut env = pairs([("TRUSTED_PROXIES", "127.0.0.0/8")]);
    env.extend(pairs(more.iter().copied()));
    Stack::sqlite_with(env).await
}

fn client(stack: &Stack, address: &str) -> Api {
    stack.api().with("x-forwarded-for", address)
}

async fn statuses(api: &Api, path: &str, count: usize) -> Vec<u16> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(api.get(path).await.status);
    }
    all
}

#[tokio::test]
async fn a_client_has_so_many_requests_and_a_credential_any_number() {
    let stack = limited(&[("RATE_LIMIT_PER_MINUTE", "5"), ("RATE_LIMIT_UNKNOWN_PER_MINUTE", "0")]).await;
    let ana = client(&stack, "192.0.2.1");
    assert_eq!(statuses(&ana, "/api/broadcasts", 5).await, [200; 5]);
    let refused = ana.get("/api/broadcasts").await.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().expect("whole seconds");
    assert!((1..=12).contains(&wait), "one of five a minute comes back every 12 s: {wait}");
    // All of it is one allowance, and a credential that is wrong is no way around it.
    ana.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.problem(429, "rate_limited");
    ana.clone().with_secret("wrong").get("/api/sessions").await.problem(429, "rate_limited");
    ana.clone().with_secret(stack.secret()).get("/api/sessions").await.expect(200);
    assert_eq!(statuses(&ana, "/livez", 20).await, [200; 20]);
    assert_eq!(statuses(&ana, "/readyz", 20).await, [200; 20]);
    ana.get("/health").await.expect(200);
    // Others are others: by IPv4 address, and by network with IPv6.
    assert_eq!(statuses(&client(&stack, "192.0.2.2"), "/api/broadcasts", 5).await, [200; 5]);
    assert_eq!(statuses(&client(&stack, "2001:db8::1"), "/api/broadcasts", 3).await, [200; 3]);
    assert_eq!(statuses(&client(&stack, "2001:db8::ffff:2"), "/api/broadcasts", 3).await, [200, 200, 429]);
    assert_eq!(statuses(&client(&stack, "2001:db8:0:1::1"), "/api/broadcasts", 3).await, [200; 3]);
}

#[tokio::test]
async fn failed_credentials_count_like_anything_else() {
    let stack = limited(&[("RATE_LIMIT_PER_MINUTE", "5")]).await;
    let guesser = client(&stack, "192.0.2.1").with_secret("wrong");
    assert_eq!(statuses(&guesser, "/api/sessions", 7).await, [401, 401, 401, 401, 401, 429, 429]);
    // The right one is not found any more by trying, but whoever has it is let in.
    client(&stack, "192.0.2.1").with_secret(stack.secret()).get("/api/sessions").await.expect(200);
}

#[tokio::test]
async fn whoever_guesses_ids_is_turned_away_before_the_look() {
    let stack = limited(&[("RATE_LIMIT_UNKNOWN_PER_MINUTE", "3"), ("RATE_LIMIT_PER_MINUTE", "1000")]).await;
    let body = json!({"room": "demo", "username": "Ana"});
    let made = stack.api().post("/api/session", &body).await.expect(201);
    let real = format!("/api/session/{}", made.str("id"));
    let guesser = client(&stack, "192.0.2.1");
    assert_eq!(statuses(&guesser, "/api/session/guess", 3).await, [404; 3]);
    guesser.get("/api/session/guess").await.problem(429, "rate_limited");
    // A good guess is turned away as well: otherwise guessing would go on.
    let refused = guesser.get(&real).await.problem(429, "rate_limited");
    guesser.post_empty(&format!("{real}/consume")).await.problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    guesser.post("/api/session", &body).await.expect(201);
    client(&stack, "192.0.2.2").get(&real).await.expect(200);
    guesser.with_secret(stack.secret()).get(&real).await.expect(200);
}

#[tokio::test]
async fn what_is_found_costs_no_guess_and_the_allowance_comes_back() {
    let stack = limited(&[("RATE_LIMIT_UNKNOWN_PER_MINUTE", "60"), ("RATE_LIMIT_PER_MINUTE", "0")]).await;
    let made = stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let (real, guesser) = (format!("/api/session/{}", made.str("id")), client(&stack, "192.0.2.1"));
    assert!(statuses(&guesser, &real, 100).await.iter().all(|status| *status == 200));
    let found = statuses(&guesser, "/api/session/guess", 80).await;
    let looked = found.iter().filter(|status| **status == 404).count();
    assert!((60..=70).contains(&looked), "{looked} looks: sixty, and one more each second");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    guesser.get(&real).await.expect(200);
}

async fn connect(stack: &Stack) -> TcpStream {
    TcpStream::connect(stack.api().base().strip_prefix("http://").unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_connection_that_does_not_ask_is_closed() {
    let stack = Stack::sqlite().await;
    let edge = stack.edges[0].addr();
    let half = b"GET /livez HTTP/1.1\r\nhost: x\r\nx-more: ".as_slice();
    let whole = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /liv".as_slice();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice();
    let silent =
        tokio::join!(kept(edge, b""), kept(edge, b"P"), kept(edge, half), kept(edge, preface), kept(edge, whole),);
    assert!(silent.4.1.starts_with(b"HTTP/1.1 200 OK"), "the first request is answered");
    for (time, what) in [
        (silent.0.0, "nothing"),
        (silent.1.0, "one byte, which both kinds of HTTP begin with"),
        (silent.2.0, "half a request"),
        (silent.3.0, "the beginning of HTTP/2"),
        (silent.4.0, "half a second request"),
    ] {
        assert!(SILENCE.contains(&time), "{what}: kept for {time:?}");
    }
}

#[tokio::test]
async fn one_byte_at_a_time_buys_no_time() {
    let stack = Stack::sqlite().await;
    let mut stream = connect(&stack).await;
    let start = Instant::now();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let closed = loop {
        let dripped = stream.write_all(b"x-drip: 1\r\n").await;
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut [0; 256])).await;
        if dripped.is_err() || matches!(read, Ok(Ok(0) | Err(_))) {
            break start.elapsed();
        }
        assert!(start.elapsed() < SILENCE.end, "the connection lives on");
    };
    assert!(SILENCE.contains(&closed), "{closed:?}");
}
