//! What is refused is counted and told, so that a flood is a line: nothing of it is lost, nothing is told twice, and no
//! address stands in it whole.

use std::collections::BTreeMap;
use std::time::Duration;

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Api, LoneEdge, Nats, StandIn, require};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOLD: &str = "cmd.audit.refused";
const PROXIED: [(&str, &str); 1] = [("TRUSTED_PROXIES", "127.0.0.0/8")];

/// All that was told: by code and network, and what was not listed.
fn sum(lone: &LoneEdge) -> (BTreeMap<(String, String), u64>, u64) {
    let (mut kinds, mut more) = (BTreeMap::new(), 0);
    // The same id is the same report.
    let reports: BTreeMap<String, Value> = lone.record.asked(TOLD).into_iter().collect();
    for report in reports.values() {
        let refused = report["refused"].as_array().unwrap();
        assert!(refused.len() <= 64 && report["from"].as_str() <= report["to"].as_str(), "{report:#}");
        for kind in refused {
            let text = |name: &str| kind[name].as_str().unwrap().to_owned();
            *kinds.entry((text("code"), text("network"))).or_default() += kind["count"].as_u64().unwrap();
        }
        more += report["more"].as_u64().unwrap();
    }
    (kinds, more)
}

fn from(lone: &LoneEdge, address: &str) -> Api {
    lone.api().with("x-forwarded-for", address)
}

/// The same request, so often, over one connection that does not wait for answers.
async fn flood(lone: &LoneEdge, count: usize) -> usize {
    let stream = TcpStream::connect(lone.edge.addr()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let request = "GET /api/sessions HTTP/1.1\r\nhost: x\r\nx-backend-secret: wrong\r\n\r\n".repeat(100);
    let writing = tokio::spawn(async move {
        for _ in 0..count / 100 {
            write.write_all(request.as_bytes()).await.unwrap();
        }
        write
    });
    let (mut answers, mut text, mut chunk) = (0, Vec::new(), vec![0; 256 * 1024]);
    while answers < count {
        let length = read.read(&mut chunk).await.unwrap();
        assert!(length > 0, "closed after {answers}");
        text.extend_from_slice(&chunk[..length]);
        answers += text.windows(12).filter(|window| window == b"HTTP/1.1 401").count();
        // What could be the beginning of the next.
        text = text[text.len().saturating_sub(11)..].to_vec();
    }
    drop(writing.await.unwrap());
    answers
}

/// Promise: 50,000 wrong secrets are one line of the ledger, or two when a minute ends between them.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_secrets_is_a_line_with_the_right_sum() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let sent = tokio::join!(flood(&lone, 12_500), flood(&lone, 12_500), flood(&lone, 12_500), flood(&lone, 12_500));
    assert_eq!(sent.0 + sent.1 + sent.2 + sent.3, 50_000);
    assert!(lone.edge.terminate().success());
    assert!(lone.record.asked(TOLD).len() <= 2, "{:#?}", lone.record.asked(TOLD));
    let expected = [(("credential_invalid".to_owned(), "127.0.0.0/24".to_owned()), 50_000)];
    assert_eq!(sum(&lone), (BTreeMap::from(expected), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_told_by_code_and_network() {
    require!(Nats::available());
    let mut env = PROXIED.to_vec();
    env.extend([("RATE_LIMIT_PER_MINUTE", "4"), ("BACKEND_ALLOWED_IPS", "198.51.100.0/24,127.0.0.1")]);
    let lone = LoneEdge::start(&env).await;
    let secret = lone.secret().to_owned();
    for address in ["203.0.113.7", "203.0.113.99", "2001:db8:1:2::3"] {
        from(&lone, address).with_secret("wrong").get("/api/sessions").await.expect(401);
    }
    from(&lone, "203.0.114.7").with("x-backend-signature", "t=1,v1=00").get("/api/sessions").await.expect(401);
    from(&lone, "203.0.115.7").with_secret(&secret).get("/api/sessions").await.problem(403, "address_not_allowed");
    for _ in 0..4 {
        from(&lone, "203.0.116.7").get("/openapi.json").await.expect(200);
    }
    from(&lone, "203.0.116.7").get("/openapi.json").await.problem(429, "rate_limited");
    // Nobody is turned away there.
    from(&lone, "203.0.117.7").get("/api/sessions").await.problem(401, "credential_required");
    from(&lone, "203.0.117.7").get("/nowhere").await.expect(404);
    assert!(lone.edge.terminate().success());
    let expected = [
        ("credential_invalid", "203.0.113.0/24", 2),
        ("credential_invalid", "2001:db8:1::/48", 1),
        ("credential_invalid", "203.0.114.0/24", 1),
        ("address_not_allowed", "203.0.115.0/24", 1),
        ("rate_limited", "203.0.116.0/24", 1),
    ];
    let expected = expected.map(|(code, network, count)| ((code.to_owned(), network.to_owned()), count));
    assert_eq!(sum(&lone), (expected.into(), 0));
}

/// Promise: what a worker refuses is told like what the edge does itself.
#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_and_links_used_before_are_told_too() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    let subjects = ["cmd.session.register", "cmd.session.consume", "qry.session.get", "qry.livekit.verify"];
    let session = StandIn::start(&lone.nats, BusUser::Session, "session", &subjects).await;
    let detail = json!({"detail": "no"});
    session.says("cmd.session.register", 400, "token_invalid", detail.clone());
    session.says("cmd.session.consume", 409, "session_consumed", detail.clone());
    session.says("qry.session.get", 410, "session_consumed", detail.clone());
    session.says("qry.session.get", 404, "session_not_found", detail.clone());
    session.says("qry.livekit.verify", 401, "credential_invalid", detail);
    let api = lone.api();
    let token = json!({"sessionId": "abcd-1234", "token": "a.b.c"});
    api.clone().with_secret(lone.secret()).post("/api/tokens", &token).await.problem(400, "token_invalid");
    api.post_empty("/api/session/abcd-1234/consume").await.problem(409, "session_consumed");
    api.get("/api/session/abcd-1234").await.problem(410, "session_consumed");
    api.get("/api/session/abcd-1234").await.problem(404, "session_not_found");
    let webhook = [("authorization", "x.y.z"), ("content-type", "application/webhook+json")];
    api.raw("POST", "/api/livekit/webhook", &webhook, "{}").await.problem(401, "credential_invalid");
    assert!(lone.edge.terminate().success());
    let network = "127.0.0.0/24".to_owned();
    let expected = [("credential_invalid", 1), ("session_consumed", 2), ("token_invalid", 1)];
    let expected = expected.map(|(code, count)| ((code.to_owned(), network.clone()), count));
    assert_eq!(sum(&lone), (expected.into(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_networks_the_worst_are_named_and_the_rest_is_a_number() {
    require!(Nats::available());
    let lone = LoneEdge::start(&PROXIED).await;
    for number in 0..200 {
        from(&lone, &format!("10.1.{number}.1")).with_secret("wrong").get("/api/sessions").await.expect(401);
    }
    for _ in 0..5 {
        from(&lone, "10.1.150.2").with_secret("wrong").get("/api/sessions").await.expect(401);
    }
    assert!(lone.edge.terminate().success());
    let (kinds, more) = sum(&lone);
    assert_eq!((kinds.len(), kinds.values().sum::<u64>() + more), (64, 205));
    assert_eq!(kinds[&("credential_invalid".to_owned(), "10.1.150.0/24".to_owned())], 6);
}

/// Promise: what nobody takes is told with the next, once; and the refusals themselves do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_is_told_with_the_next() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    lone.record.goes_away().await;
    for _ in 0..3 {
        lone.api().with_secret("wrong").get("/api/sessions").await.expect(401);
    }
    tokio::time::sleep(Duration::from_secs(68)).await;
    lone.record.come_back().await;
    lone.api().with_secret("wrong").get("/api/sessions").await.expect(401);
    assert!(lone.edge.terminate().success());
    assert_eq!(lone.record.asked(TOLD).len(), 1);
    assert_eq!(sum(&lone).0.into_values().sum::<u64>(), 4);
}

/// Promise: a report whose answer is lost is sent again as it was, so that whoever has it knows it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_may_have_arrived_stays_what_it_is() {
    require!(Nats::available());
    let lone = LoneEdge::start(&[]).await;
    // It takes it, and says nothing.
    lone.record.says(TOLD, 0, "", "");
    lone.api().with_secret("wrong").get("/api/sessions").await.expect(401);
    while lone.record.asked(TOLD).is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    lone.api().with_secret("wrong").get("/api/sessions").await.expect(401);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let first = lone.record.asked(TOLD);
    assert!(first.len() > 1 && first.iter().all(|report| report == &first[0]), "{first:#?}");
    lone.record.says(TOLD, 204, "", "");
    assert!(lone.edge.terminate().success());
    let all = lone.record.asked(TOLD);
    assert_eq!(all.last().unwrap().1["refused"][0]["count"], json!(1));
    let ids: std::collections::BTreeSet<&String> = all.iter().map(|(id, _)| id).collect();
    assert_eq!((ids.len(), sum(&lone).0.into_values().sum::<u64>()), (2, 2), "{all:#?}");
}
