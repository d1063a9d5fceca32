//! What is registered over the bus and acknowledged is not lost, is applied once, and can be asked after: by whoever
//! knows the token, and by nobody else.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, HeaderMap, jetstream};
use avanzacast_schemas::{SessionId, bus::BusUser};
use avanzacast_tests::{
    Action, LiveKitKey, Postgres, Stack, StackOptions, assert_events_equal_ledger, eventually, on_both_databases,
    require,
};
use futures::future::join_all;
use serde_json::{Value, json};

const REGISTER: &str = "cmd.token.register";
const FATE: &str = "qry.registration.get";
/// More than a batch, and than INTAKE's consumer has out at a time.
const MANY: usize = 1_000;

/// Somebody with the bus, a key, and nothing else.
struct Outsider {
    key: LiveKitKey,
    client: Client,
}

impl Outsider {
    async fn of(stack: &Stack) -> Self {
        let (name, secret) = stack.signing_key();
        Self { key: LiveKitKey::new(name, secret), client: stack.bus_as(BusUser::TokenServer).await }
    }

    fn token(&self, identity: &str) -> String {
        self.key.token(identity, "foreign")
    }

    /// Publishes, and waits until the stream has it.
    async fn publish(&self, headers: HeaderMap, body: &Value) {
        let jetstream = jetstream::new(self.client.clone());
        let sent = jetstream.publish_with_headers(REGISTER, headers, body.to_string().into()).await.unwrap();
        sent.await.expect("INTAKE takes it");
    }

    async fn register(&self, id: &str, token: &str) {
        self.publish(HeaderMap::new(), &json!({"sessionId": id, "token": token})).await;
    }

    /// The answer as it comes: the header `Status`, and the body.
    async fn ask(&self, question: &Value) -> (String, Value) {
        let answer = self.client.request(FATE, question.to_string().into()).await.expect("somebody answers");
        let status = answer.headers.as_ref().and_then(|headers| headers.get("Status")).expect("a status");
        (status.as_str().to_owned(), serde_json::from_slice(&answer.payload).expect("JSON"))
    }

    async fn fate(&self, id: &str, token: &str) -> Value {
        let (status, fate) = self.ask(&json!({"sessionId": id, "token": token})).await;
        assert_eq!(status, "200", "{fate}");
        fate
    }

    /// The fate, once it is known.
    async fn known(&self, id: &str, token: &str) -> Value {
        eventually("the fate is known", async || self.fate(id, token).await != unknown()).await;
        self.fate(id, token).await
    }
}

fn unknown() -> Value {
    json!({"state": "unknown"})
}

fn refused(code: &str) -> Value {
    json!({"state": "refused", "code": code})
}

fn active(id: &str) -> Value {
    json!({"state": "active", "studioUrl": format!("http://backend.test/studio/{id}")})
}

fn kinds(stack: &Stack, id: &str) -> Vec<String> {
    let participant = SessionId::try_from(id.to_owned()).unwrap().participant();
    let events = stack.events_of(participant.as_str());
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Waits until nothing is left in INTAKE: it is a work queue, and what was settled is gone.
async fn settled(stack: &Stack) {
    let jetstream = jetstream::new(stack.admin().await);
    let left = async || jetstream.get_stream("INTAKE").await.map(|intake| intake.cached_info().state.messages);
    eventually("INTAKE is empty", async || left().await.is_ok_and(|left| left == 0)).await;
}

async fn a_registration_is_active_from_its_session_on(stack: &Stack, out: &Outsider) {
    let token = out.token("ana");
    assert_eq!(out.fate("reg-active", &token).await, unknown(), "not registered yet");
    out.register("reg-active", &token).await;
    assert_eq!(out.known("reg-active", &token).await, active("reg-active"));
    stack.api().post_empty("/api/session/reg-active/consume").await.expect(200);
    assert_eq!(out.fate("reg-active", &token).await, active("reg-active"), "who redeemed it is in");
}

async fn an_ended_session_says_how_it_ended(stack: &Stack, out: &Outsider) {
    let token = out.token("luz");
    out.register("reg-revoked", &token).await;
    assert_eq!(out.known("reg-revoked", &token).await["state"], "active");
    stack.api().with_secret(stack.secret()).delete("/api/session/reg-revoked").await.expect(204);
    assert_eq!(out.fate("reg-revoked", &token).await, refused("session_revoked"));

    out.publish(HeaderMap::new(), &json!({"sessionId": "reg-late", "token": token, "ttl": 1})).await;
    eventually("it expires", async || out.fate("reg-late", &token).await == refused("session_expired")).await;
    eventually("the sweep notes it", async || kinds(stack, "reg-late").len() == 2).await;
    assert_eq!(out.fate("reg-late", &token).await, refused("session_expired"), "and stays so");
}

/// Whose token is for a broadcast's room is a guest of the broadcast, whoever minted it.
async fn a_broadcasts_guests_go_with_it(stack: &Stack, out: &Outsider) {
    let manager = stack.api().with_secret(stack.secret());
    let broadcast = manager.post("/api/broadcasts", &json!({"title": "Noche"})).await.expect(201);
    let id = broadcast.str("id");
    let token = out.key.token("sol", &format!("broadcast-{id}"));
    out.register("reg-cast", &token).await;
    assert_eq!(out.known("reg-cast", &token).await["state"], "active");
    let listed = manager.get(&format!("/api/sessions?broadcastId={id}")).await.expect(200);
    assert_eq!(listed.body[0]["id"], "reg-cast");
    let event = stack.ledger().pop().unwrap();
    assert!(event.contains(&format!("\"broadcastId\":\"{id}\"")), "{event}");
    for step in ["start", "end"] {
        assert_eq!(out.fate("reg-cast", &token).await, active("reg-cast"));
        manager.post_empty(&format!("/api/broadcasts/{id}/{step}")).await.expect(200);
    }
    assert_eq!(out.fate("reg-cast", &token).await, refused("broadcast_ended"));
    stack.api().get("/api/session/reg-cast").await.problem(410, "broadcast_ended");
    // Who has not heard of the end is recorded, and gets nothing by it.
    out.register("reg-after", &token).await;
    assert_eq!(out.known("reg-after", &token).await, refused("broadcast_ended"));
    stack.api().post_empty("/api/session/reg-after/consume").await.problem(410, "broadcast_ended");
}

async fn a_refused_one_says_why(stack: &Stack, out: &Outsider) {
    let forged = LiveKitKey::new(out.key.name(), &"x".repeat(40)).token("eve", "foreign");
    out.register("reg-forged", &forged).await;
    assert_eq!(out.known("reg-forged", &forged).await, refused("token_invalid"));
    let token = out.token("ana");
    out.publish(HeaderMap::new(), &json!({"sessionId": "reg-long", "token": token, "ttl": 999_999})).await;
    assert_eq!(out.known("reg-long", &token).await, refused("ttl_out_of_range"));
    let other = out.token("somebody-else");
    out.register("reg-active", &other).await;
    assert_eq!(out.known("reg-active", &other).await, refused("session_exists"));
    // Refused, and good later: what counts is the session.
    stack
        .api()
        .with_secret(stack.secret())
        .post("/api/tokens", &json!({"sessionId": "reg-long", "token": token}))
        .await
        .expect(201);
    assert_eq!(out.fate("reg-long", &token).await, active("reg-long"));
}

async fn who_does_not_know_the_token_learns_nothing(stack: &Stack, out: &Outsider) {
    let (token, stranger) = (out.token("ana"), out.token("nobody-registered-this"));
    out.register("reg-mine", &token).await;
    assert_eq!(out.known("reg-mine", &token).await, active("reg-mine"));
    let cut = &token[..token.len() - 1];
    for (id, token) in [("reg-mine", stranger.as_str()), ("reg-mine", ""), ("reg-mine", cut), ("reg-other", &token)] {
        assert_eq!(out.fate(id, token).await, unknown(), "{id} {token}");
    }
    for id in ["reg-revoked", "reg-late", "reg-cast", "reg-forged"] {
        assert_eq!(out.fate(id, &stranger).await, unknown(), "{id}");
    }
    let ours = stack.api().post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let ours = stack.api().get(&format!("/api/session/{}", ours.str("id"))).await.expect(200);
    assert_eq!(out.fate(ours.str("id"), ours.str("token")).await, unknown(), "nobody registered it");
    let huge = "x".repeat(200_000);
    for question in [json!({}), json!({"sessionId": "x", "token": "t"}), json!([]), json!({"sessionId": "abcd"})] {
        let (status, answer) = out.ask(&question).await;
        assert_eq!(status, "400", "{question}: {answer}");
    }
    assert_eq!(out.fate("reg-mine", &huge).await, unknown());
}

async fn one_over_http_is_found_by_its_session_only(stack: &Stack, out: &Outsider) {
    let api = stack.api().with_secret(stack.secret());
    let token = out.token("marta");
    api.post("/api/tokens", &json!({"sessionId": "reg-http", "token": token})).await.expect(201);
    assert_eq!(out.fate("reg-http", &token).await, active("reg-http"));
    let forged = LiveKitKey::new(out.key.name(), &"x".repeat(40)).token("eve", "foreign");
    api.post("/api/tokens", &json!({"sessionId": "reg-no", "token": forged})).await.problem(400, "token_invalid");
    assert_eq!(out.fate("reg-no", &forged).await, unknown());
}

/// Every look goes by an index, however large the tables are.
/// Whoever wrote it in another shape than the contract's finds out.
async fn a_registration_is_an_object_and_no_list_of_its_fields(stack: &Stack, out: &Outsider) {
    let token = out.token("list");
    let fields = json!(["reg-list", token, null, null, null, null, false]);
    out.publish(HeaderMap::new(), &fields).await;
    settled(stack).await;
    stack.api().get("/api/session/reg-list").await.problem(404, "session_not_found");
    assert_eq!(out.fate("reg-list", &token).await, unknown());
    let (status, said) = out.ask(&json!(["reg-list", token])).await;
    assert_eq!((status.as_str(), &said["detail"]), ("400", &json!("the body must be a JSON object")));
}

fn scans(stack: &Stack) -> String {
    if stack.is_sqlite() {
        return String::new();
    }
    let scans = "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('session', 'inbox', 'broadcast')";
    stack.query(scans)
}

async fn fates(stack: &Stack) {
    let out = Outsider::of(stack).await;
    let before = scans(stack);
    a_registration_is_active_from_its_session_on(stack, &out).await;
    an_ended_session_says_how_it_ended(stack, &out).await;
    a_broadcasts_guests_go_with_it(stack, &out).await;
    a_refused_one_says_why(stack, &out).await;
    who_does_not_know_the_token_learns_nothing(stack, &out).await;
    one_over_http_is_found_by_its_session_only(stack, &out).await;
    a_registration_is_an_object_and_no_list_of_its_fields(stack, &out).await;
    // Our own look at the ledger is not among these tables.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(scans(stack), before, "a table was scanned");
}

on_both_databases!(fates);

/// Promise 3, for senders who are in doubt and publish again and again.
async fn many_times(stack: &Stack) {
    let out = Outsider::of(stack).await;
    let body = json!({"sessionId": "again-and-again", "token": out.token("ana")});
    let copy = |n: usize| {
        let mut headers = HeaderMap::new();
        // None, one each, or one for some: the stream keeps what it does not recognise.
        match n % 3 {
            0 => {}
            1 => headers.insert("Nats-Msg-Id", format!("copy-{n}")),
            _ => headers.insert("Nats-Msg-Id", format!("copy-{}", n / 30)),
        }
        headers
    };
    for from in (0..MANY).step_by(100) {
        join_all((from..from + 100).map(|n| out.publish(copy(n), &body))).await;
    }
    settled(stack).await;
    assert_eq!(kinds(stack, "again-and-again"), ["token.registered"]);
    assert_eq!(stack.query("SELECT count(*) FROM session WHERE id = 'again-and-again'"), "1");
    assert_eq!(stack.ledger().len(), 1, "nothing else happened");
    let buried = jetstream::new(stack.admin().await).get_stream("DEAD").await.unwrap().cached_info().state.messages;
    assert_eq!(buried, 0);
}

on_both_databases!(many_times);

/// Promise 2: what the stream acknowledged is applied, however long the database is away, and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_outage_of_the_database_loses_none() {
    require!(Postgres::available());
    let cluster = Arc::new(Postgres::start());
    let options = StackOptions { cluster: Some(Arc::clone(&cluster)), workers: 2, ..StackOptions::default() };
    let stack = Stack::postgres(options).await;
    let out = Outsider::of(&stack).await;
    let tokens: Vec<(String, String)> =
        (0..MANY).map(|n| (format!("outage-{n:04}"), out.token(&format!("guest-{n}")))).collect();
    let (before, during) = tokens.split_at(MANY / 4);
    // Some are under way when it goes.
    join_all(before.iter().map(|(id, token)| out.register(id, token))).await;
    cluster.stop();
    for some in during.chunks(50) {
        join_all(some.iter().map(|(id, token)| out.register(id, token))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (id, token) = &tokens[MANY - 1];
    let (status, answer) = out.ask(&json!({"sessionId": id, "token": token})).await;
    assert_eq!(status, "503", "nobody can know: {answer}");
    // Longer than a message is out before it is delivered again.
    tokio::time::sleep(Duration::from_secs(30)).await;
    cluster.start_again();
    let sessions = || stack.count("SELECT count(*) FROM session WHERE id LIKE 'outage-%'");
    eventually("all are sessions", async || sessions() == MANY).await;
    settled(&stack).await;
    for (id, token) in tokens.iter().step_by(37) {
        assert_eq!(out.fate(id, token).await, active(id));
    }
    assert_eq!(stack.sql("SELECT count(*) FROM ledger"), MANY.to_string(), "one event each, and no other");
    assert_events_equal_ledger(&stack).await;
}

/// A pull that the bus takes no answer for, because their connection ends over it, must not keep a worker from pulling
/// for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pull_that_is_lost_holds_nothing_up() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { proxy_worker_bus: true, ..StackOptions::default() }).await;
    let out = Outsider::of(&stack).await;
    let proxy = stack.worker_bus_proxy.as_ref().unwrap();
    // Both kinds: one that waits for messages, and one for what is there, which alone says so.
    for pull in ["CONSUMER.MSG.NEXT.INTAKE.session", "\"no_wait\":true"] {
        proxy.on_client_bytes(pull.as_bytes(), Action::Cut).wait();
        let (id, token) = (format!("lost-{}", pull.len()), out.token("ana"));
        out.register(&id, &token).await;
        let sessions = format!("SELECT count(*) FROM session WHERE id = '{id}'");
        eventually("it is applied", async || stack.count(&sessions) == 1).await;
    }
}
