//! `/metrics`: what is counted is what happened, names are described, and nothing in it opens a door.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Launch, Postgres, Process, Stack, StackOptions, eventually, http_client, require};
use serde_json::json;

/// Everything that a process serves at its address for measurements.
struct Scrape(String);

impl Scrape {
    fn address(process: &Process) -> SocketAddr {
        let log = process.wait_for_log("serving metrics");
        log["addr"].as_str().unwrap().parse().unwrap()
    }

    async fn of(process: &Process) -> Self {
        Self::at(&format!("http://{}/metrics", Self::address(process))).await
    }

    async fn at(url: &str) -> Self {
        let response = http_client().build().unwrap().get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        Self(response.text().await.unwrap())
    }

    /// The sum over the series of this name that carry these labels; 0 when there is none.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter(|line| line.split(['{', ' ']).next() == Some(name));
        let carries = |line: &&str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
        series.filter(carries).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    fn requests(&self, route: &str, method: &str, status: &str) -> f64 {
        self.sum("avanzacast_http_requests_total", &[("route", route), ("method", method), ("status", status)])
    }
}

async fn stack(env: Vec<(String, String)>) -> Stack {
    Stack::postgres(StackOptions { env, ..Default::default() }).await
}

async fn the_edge_counts_requests(stack: &Stack) {
    let api = stack.api();
    let created = api.post("/api/session", &json!({"room": "r", "username": "Ana"})).await.expect(201);
    let path = format!("/api/session/{}", created.str("id"));
    api.get(&path).await.expect(200);
    api.get(&path).await.expect(200);
    api.get("/api/session/nobody-has-this").await.expect(404);
    api.post_empty(&format!("{path}/consume")).await.expect(200);
    api.post("/api/session", &json!({"room": ""})).await.expect(400);
    for method in ["BREW", "KNIT"] {
        api.raw(method, &path, &[], "").await.expect(405);
    }
    api.get("/nothing/here/opens-a-door").await.expect(404);

    let scrape = Scrape::of(&stack.edges[0]).await;
    assert_eq!(scrape.requests("/api/session", "POST", "201"), 1.0, "{}", scrape.0);
    assert_eq!(scrape.requests("/api/session", "POST", "400"), 1.0, "{}", scrape.0);
    assert_eq!(scrape.requests("/api/session/{id}", "GET", "200"), 2.0, "{}", scrape.0);
    assert_eq!(scrape.requests("/api/session/{id}", "GET", "404"), 1.0, "{}", scrape.0);
    assert_eq!(scrape.requests("/api/session/{id}/consume", "POST", "200"), 1.0, "{}", scrape.0);
    assert_eq!(scrape.requests("/api/session/{id}", "other", "405"), 2.0, "any word can be a method: {}", scrape.0);
    assert_eq!(scrape.sum("avanzacast_http_request_duration_seconds_count", &[]), 9.0, "{}", scrape.0);
    let reads = |result| scrape.sum("avanzacast_cache_reads_total", &[("result", result)]);
    assert_eq!((reads("hit"), reads("miss")), (2.0, 1.0), "{}", scrape.0);
    assert_eq!(scrape.sum("avanzacast_calls_in_flight", &[]), 0.0, "{}", scrape.0);
    assert_eq!(scrape.sum("avanzacast_bus_up", &[("user", "edge")]), 1.0, "{}", scrape.0);
    for door in [created.str("id"), "nobody-has-this", "opens-a-door", "BREW"] {
        assert!(!scrape.0.contains(door), "{door}: {}", scrape.0);
    }
}

async fn the_worker_counts_batches_and_the_ledger(stack: &Stack) {
    let worker = &stack.workers[0];
    eventually("the relay has caught up", async || {
        let scrape = Scrape::of(worker).await;
        let caught_up = scrape.sum("avanzacast_relay_lag_events", &[]) == 0.0;
        caught_up && scrape.sum("avanzacast_ledger_events", &[]) == stack.count("SELECT size FROM ledger_head") as f64
    })
    .await;
    let scrape = Scrape::of(worker).await;
    let of = |name, kind| scrape.sum(name, &[("service", "session"), ("kind", kind)]);
    assert_eq!(of("avanzacast_batch_size_commands_sum", "commands"), 2.0, "a create and a consume: {}", scrape.0);
    assert_eq!(of("avanzacast_batch_size_commands_sum", "queries"), 1.0, "the miss: {}", scrape.0);
    assert_eq!(of("avanzacast_batch_duration_seconds_count", "commands"), 2.0, "{}", scrape.0);
    assert_eq!(of("avanzacast_waiting_messages", "commands"), 0.0, "{}", scrape.0);
    for up in ["avanzacast_database_up", "avanzacast_ledger_sound", "avanzacast_bus_up"] {
        assert_eq!(scrape.sum(up, &[]), 1.0, "{up}: {}", scrape.0);
    }
}

async fn what_can_never_work_is_counted(stack: &Stack) {
    let outsider = stack.nats.as_ref().unwrap().connect(BusUser::TokenServer).await;
    // Without a place to bury it, it comes again and again.
    stack.nats.as_ref().unwrap().delete_stream("DEAD").await;
    outsider.request("cmd.token.register", "not JSON".into()).await.unwrap();
    let again = async || Scrape::of(&stack.workers[0]).await.sum("avanzacast_stream_redeliveries_total", &[]) >= 1.0;
    eventually("a redelivery is counted", again).await;
    assert_eq!(Scrape::of(&stack.workers[0]).await.sum("avanzacast_dead_letters_total", &[]), 0.0);
    stack.provision();
    let counted = async || Scrape::of(&stack.workers[0]).await.sum("avanzacast_dead_letters_total", &[]) == 1.0;
    eventually("a dead letter is counted", counted).await;
}

async fn what_runs_out_is_counted(stack: &Stack) {
    stack.api().post("/api/session", &json!({"room": "r", "username": "Ana", "ttl": 1})).await.expect(201);
    let counted = async || Scrape::of(&stack.workers[0]).await.sum("avanzacast_sessions_expired_total", &[]) == 1.0;
    eventually("an expiry is counted", counted).await;
}

/// Nobody may find measurements where the public comes.
async fn the_public_address_has_none(stack: &Stack) {
    stack.api().get("/metrics").await.problem(404, "not_found");
    let address = Scrape::address(&stack.edges[0]);
    for (method, path, status) in [("POST", "/metrics", 405), ("GET", "/", 404), ("GET", "/api/session", 404)] {
        let url = format!("http://{address}{path}");
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = http_client().build().unwrap().request(method, &url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{url}");
    }
}

/// What a dashboard or an alert asks for is described, and there from the start: a counter that appears with its
/// first event hides that event from `increase()`.
async fn everything_is_described_and_there_from_the_start(stack: &Stack) {
    for process in [&stack.edges[0], &stack.workers[0]] {
        let Scrape(text) = Scrape::of(process).await;
        let declared = |word: &str| -> BTreeSet<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("# {word} ")));
            lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
        };
        let (help, kinds) = (declared("HELP"), declared("TYPE"));
        assert_eq!(help, kinds, "{text}");
        assert!(kinds.iter().all(|name| name.starts_with("avanzacast_")), "{kinds:?}");
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let name = line.split(['{', ' ']).next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            assert!(kinds.contains(name) || base.is_some_and(|base| kinds.contains(base)), "{line}");
        }
    }
    let worker = Scrape::of(&stack.workers[0]).await.0;
    for name in ["avanzacast_dead_letters_total 0", "avanzacast_sessions_expired_total 0", "redeliveries_total{"] {
        assert!(worker.contains(name), "{name}: {worker}");
    }
    assert!(Scrape::of(&stack.edges[0]).await.0.contains("avanzacast_call_repeats_total 0"));
}

#[tokio::test]
async fn what_is_counted_is_what_happened() {
    require!(Postgres::available());
    let stack = stack(Vec::new()).await;
    everything_is_described_and_there_from_the_start(&stack).await;
    the_edge_counts_requests(&stack).await;
    the_worker_counts_batches_and_the_ledger(&stack).await;
    what_can_never_work_is_counted(&stack).await;
    what_runs_out_is_counted(&stack).await;
    the_public_address_has_none(&stack).await;
}

/// The health check of a container that has no other program to ask with.
fn probe(process: &Process) -> Option<i32> {
    probe_at(Scrape::address(process))
}

fn probe_at(address: SocketAddr) -> Option<i32> {
    Launch::product(&["probe"]).env("METRICS_ADDR", address.to_string()).start().wait().code()
}

/// Whoever else has the address is not mistaken for a process that is well.
#[test]
fn only_measurements_of_ours_say_that_a_process_is_well() {
    let up = "avanzacast_bus_up{user=\"edge\"} 1\n";
    for (status, body, code) in [
        ("200 OK", up.to_owned(), 0),
        ("200 OK", format!("{up}avanzacast_database_up 0\n"), 1),
        ("404 Not Found", up.to_owned(), 1),
        ("200 OK", "# HELP avanzacast_bus_up 1\n".to_owned(), 1),
        ("200 OK", "<html>Welcome</html>".to_owned(), 1),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        let answering = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        });
        assert_eq!(probe_at(address), Some(code), "{status}: {body}");
        answering.join().unwrap();
    }
}

#[tokio::test]
async fn in_development_they_are_where_everything_else_is() {
    let stack = Stack::sqlite_with(vec![("METRICS_ADDR".to_owned(), String::new())]).await;
    let api = stack.api();
    api.post("/api/session", &json!({"room": "r", "username": "Ana"})).await.expect(201);
    let here = Scrape::at(&format!("{}/metrics", api.base())).await;
    assert_eq!(here.requests("/api/session", "POST", "201"), 1.0, "{}", here.0);
    assert_eq!(here.sum("avanzacast_bus_up", &[]), here.0.matches("avanzacast_bus_up{").count() as f64, "{}", here.0);
    let elsewhere = stack.edges[0].find_log("serving metrics", Duration::ZERO);
    assert!(elsewhere.is_none(), "nobody asked for another address: {elsewhere:?}");
}

#[tokio::test]
async fn trouble_is_seen_while_it_lasts() {
    require!(Postgres::available());
    let stack = stack(Vec::new()).await;
    let (api, edge) = (stack.api(), &stack.edges[0]);
    stack.workers[0].pause();
    let waiting = tokio::spawn(async move { api.post("/api/session", &json!({"room": "r", "username": "Ana"})).await });
    eventually("a call waits", async || {
        let scrape = Scrape::of(edge).await;
        let repeated = scrape.sum("avanzacast_call_repeats_total", &[]) >= 1.0;
        repeated && scrape.sum("avanzacast_calls_in_flight", &[]) == 1.0
    })
    .await;
    stack.workers[0].resume();
    waiting.await.unwrap();
    assert_eq!(Scrape::of(edge).await.sum("avanzacast_calls_in_flight", &[]), 0.0);

    assert_eq!((probe(edge), probe(&stack.workers[0])), (Some(0), Some(0)));
    stack.nats.as_ref().unwrap().kill();
    for process in [edge, &stack.workers[0]] {
        let down = async || Scrape::of(process).await.sum("avanzacast_bus_up", &[]) == 0.0;
        eventually("the bus is seen to be away", down).await;
        assert_eq!(probe(process), Some(1));
    }
    let nobody = Launch::product(&["probe"]).env("METRICS_ADDR", "127.0.0.1:9").start();
    assert_eq!(nobody.wait().code(), Some(1));
    assert_eq!(Launch::product(&["probe"]).env("METRICS_ADDR", "off").start().wait().code(), Some(2));
}

#[test]
fn an_address_that_was_asked_for_is_had_or_nothing_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let edge = |metrics: &str| {
        let edge = Launch::product(&["edge"]).env("PORT", "0").env("HOST", "127.0.0.1").env("METRICS_ADDR", metrics);
        let edge = edge.env("NATS_URL", "nats://127.0.0.1:9").env("NATS_EDGE_PASSWORD", "p");
        let edge = edge.env("LIVEKIT_URL", "ws://127.0.0.1:9");
        edge.env("BACKEND_REGISTER_SECRET", "not-a-secret-of-anybody-at-all-1").start()
    };
    let refused = edge(&address);
    assert_eq!(refused.wait().code(), Some(1));
    let said = refused.logs().join("\n");
    for word in ["METRICS_ADDR", &address, "port 0", "off"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let wrong = edge("everywhere");
    assert_eq!(wrong.wait().code(), Some(2));
    assert!(wrong.logs().join("\n").contains("METRICS_ADDR must be"));
    let off = edge("off");
    off.wait_for_log("listening");
    assert!(!off.logs().iter().any(|line| line.contains("metrics")), "{:#?}", off.logs());

    // Held by us, or by somebody else: either way it is taken.
    let _default = TcpListener::bind("127.0.0.1:9464");
    let unasked = edge("");
    unasked.wait_for_log("listening");
    assert!(unasked.find_log("serving metrics", Duration::ZERO).is_none());
    let warned = unasked.logs().iter().any(|line| line.contains("metrics are not served") && line.contains("9464"));
    assert!(warned, "{:#?}", unasked.logs());
}
