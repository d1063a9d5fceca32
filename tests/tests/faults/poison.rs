//! A command that the database itself refuses. Promise: it hurts neither its batch nor its neighbours.

use async_nats::jetstream;
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Postgres, Stack, StackOptions, assert_books, assert_events_equal_ledger, require, wait_until};
use serde_json::{Value, json};

const NEIGHBOURS: usize = 30;
/// A bug that no test of ours knows yet, as it were.
const POISON: &str = "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.room = 'poison' THEN RAISE EXCEPTION 'poisoned'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER poison BEFORE INSERT ON session FOR EACH ROW EXECUTE FUNCTION poison()";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_poisonous_command_fails_alone() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    stack.sql(POISON);
    // Stopped for a moment, so that it finds all of them waiting and takes them as one batch.
    stack.workers[0].pause();
    let ask = |n: usize| {
        let (api, room) = (stack.api(), if n == NEIGHBOURS / 2 { "poison" } else { "neighbours" });
        tokio::spawn(async move { api.post("/api/session", &json!({"room": room, "username": "Ana"})).await })
    };
    let asked: Vec<_> = (0..=NEIGHBOURS).map(ask).collect();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stack.workers[0].resume();
    let mut neighbours = Vec::new();
    for (n, asked) in asked.into_iter().enumerate() {
        let answer = asked.await.unwrap();
        if n == NEIGHBOURS / 2 {
            let refused = answer.problem(500, "internal");
            assert!(!refused.text.contains("poison"), "it tells what the database said: {refused:#?}");
        } else {
            neighbours.push(answer.expect(201));
        }
    }
    assert_books(&stack, "neighbours", &neighbours);
    assert_eq!(stack.count("SELECT count(*) FROM session"), NEIGHBOURS);
    assert_events_equal_ledger(&stack).await;
    let size = |line: &String| {
        let log: Value = serde_json::from_str(line).ok()?;
        let refused = log.get("message")? == "the database refuses a batch";
        refused.then(|| log.get("commands")?.as_u64()).flatten()
    };
    let largest = stack.workers[0].logs().iter().filter_map(size).max();
    assert!(largest.is_some_and(|size| size > 1), "it had no neighbours in its batch: {largest:?}");
}

/// A token for a room, minted by the product itself.
async fn token(stack: &Stack, room: &str) -> String {
    let created = stack.api().post("/api/session", &json!({"room": room, "username": "Ana"})).await.expect(201);
    stack.api().get(&format!("/api/session/{}", created.str("id"))).await.expect(200).str("token").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_poisonous_message_is_buried_alone() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions::default()).await;
    let (poison, good) = (token(&stack, "poison").await, token(&stack, "neighbours").await);
    stack.sql(POISON);
    let jetstream = jetstream::new(stack.nats.as_ref().unwrap().connect(BusUser::Admin).await);
    stack.workers[0].pause();
    for n in 0..=NEIGHBOURS {
        let token = if n == NEIGHBOURS / 2 { &poison } else { &good };
        let message = json!({"sessionId": format!("external-{n:04}"), "token": token}).to_string();
        jetstream.publish("cmd.token.register", message.into()).await.unwrap().await.unwrap();
    }
    stack.workers[0].resume();
    let registered = "SELECT count(*) FROM session WHERE origin = 'external'";
    wait_until("the neighbours are registered", || stack.count(registered) == NEIGHBOURS);
    let intake = async || jetstream.get_stream("INTAKE").await.unwrap().cached_info().state.messages;
    avanzacast_tests::eventually("INTAKE is empty", async || intake().await == 0).await;
    let dead = jetstream.get_stream("DEAD").await.unwrap();
    let state = &dead.cached_info().state;
    assert_eq!(state.messages, 1, "{state:?}");
    let buried = dead.get_raw_message(state.last_sequence).await.unwrap();
    assert_eq!(buried.subject.as_str(), "dead.cmd.token.register");
    assert!(String::from_utf8_lossy(&buried.payload).contains("external-0015"), "{buried:?}");
    let reason = buried.headers.get(avanzacast_schemas::bus::header::DEAD_REASON);
    assert!(reason.is_some_and(|reason| !reason.as_str().is_empty()), "{buried:?}");
    assert_eq!(stack.count(registered), NEIGHBOURS);
    assert_events_equal_ledger(&stack).await;
}
