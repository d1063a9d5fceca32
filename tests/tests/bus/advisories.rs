//! Alarms. Promise: a message of INTAKE that its consumer will not see again is an error line and a number, never
//! silence.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self, AckKind,
    consumer::{FromConsumer, PullConsumer, pull},
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Postgres, Process, Stack, StackOptions, eventually, require};
use futures::StreamExt;

/// A pull that was under way when the database went has ended by then.
const LAST_PULL: Duration = Duration::from_secs(7);
const POISON: &str = r#"{"sessionId": "abcd", "token": ["the-poison-itself"]}"#;

fn count(metrics: &str, name: &str, consumer: &str) -> Option<f64> {
    let name = format!("avanzacast_messages_{name}_total{{");
    let consumer = format!("consumer=\"{consumer}\"");
    let mut lines = metrics.lines().filter(|line| line.starts_with(&name) && line.contains("stream=\"INTAKE\""));
    lines.find(|line| line.contains(&consumer))?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_ended_unapplied_raises_one_alarm() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { workers: 2, ..StackOptions::default() }).await;
    for worker in &stack.workers {
        let metrics = worker.metrics().await;
        for (name, consumer) in
            [("given_up", "session"), ("given_up", "room"), ("terminated", "session"), ("terminated", "room")]
        {
            assert_eq!(count(&metrics, name, consumer), Some(0.0), "{name} {consumer} is not shown from the start");
        }
    }
    let jetstream = jetstream::new(stack.admin().await);
    jetstream.publish("cmd.token.register", POISON.into()).await.unwrap().await.unwrap();
    let alarms = async || {
        let mut sum = 0.0;
        for worker in &stack.workers {
            sum += count(&worker.metrics().await, "terminated", "session").unwrap();
        }
        sum
    };
    eventually("the alarm is counted", async || alarms().await >= 1.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(alarms().await, 1.0, "of all workers, one hears it");
    // Whoever buried it says so, with the reason; that it ended is no news.
    let errors: Vec<String> =
        stack.workers.iter().flat_map(Process::logs).filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let find = |worker: &Process| worker.find_log("a message can never work", Duration::from_millis(100));
    let log = stack.workers.iter().find_map(find).expect("a line with the reason");
    assert_eq!(log["subject"], "cmd.token.register");
    assert!(log["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{log}");
    for worker in &stack.workers {
        assert!(!worker.logs().iter().any(|line| line.contains("the-poison-itself")), "the body is in the log");
    }
}

/// Which no burial explains.
async fn somebody_else_ends_one(stack: &Stack, admin: &jetstream::Context) {
    admin.publish("cmd.token.register", POISON.into()).await.unwrap().await.unwrap();
    let theirs = jetstream::new(stack.bus_as(BusUser::Session).await);
    let consumer: PullConsumer = theirs.get_consumer_from_stream("session", "INTAKE").await.unwrap();
    let mut messages = consumer.batch().max_messages(1).expires(Duration::from_secs(5)).messages().await.unwrap();
    messages.next().await.expect("there is one").unwrap().ack_with(AckKind::Term).await.unwrap();
    let log = stack.workers[0].wait_for_log("a message was ended unapplied");
    assert_eq!((&log["stream"], &log["consumer"]), (&"INTAKE".into(), &"session".into()));
    assert_eq!((log["seq"].as_u64(), log["deliveries"].as_u64()), (Some(1), Some(1)));
    assert_eq!(log["level"], "ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_tried_too_often_raises_an_alarm() {
    require!(Postgres::available());
    let cluster = Arc::new(Postgres::start());
    let stack = Stack::postgres(StackOptions { cluster: Some(Arc::clone(&cluster)), ..StackOptions::default() }).await;
    // A worker without its database takes nothing, but hears.
    cluster.stop();
    tokio::time::sleep(LAST_PULL).await;
    let jetstream = jetstream::new(stack.admin().await);
    let intake = jetstream.get_stream("INTAKE").await.unwrap();
    let mut consumer = intake.get_consumer::<pull::Config>("session").await.unwrap();
    somebody_else_ends_one(&stack, &jetstream).await;
    let mut config = pull::Config::try_from_consumer_config(consumer.cached_info().config.clone()).unwrap();
    // An operator's mistake.
    (config.max_deliver, config.ack_wait) = (1, Duration::from_secs(1));
    intake.create_consumer(config).await.unwrap();
    jetstream.publish("cmd.token.register", POISON.into()).await.unwrap().await.unwrap();
    let pull = async || {
        let mut messages = consumer.batch().max_messages(1).expires(Duration::from_secs(1)).messages().await.unwrap();
        messages.next().await.is_some()
    };
    eventually("the message is taken, and not settled", pull).await;
    eventually("the alarm is counted", async || {
        pull().await;
        count(&stack.workers[0].metrics().await, "given_up", "session") == Some(1.0)
    })
    .await;
    let log = stack.workers[0].wait_for_log("a message was given up");
    assert_eq!((&log["stream"], &log["consumer"]), (&"INTAKE".into(), &"session".into()));
    assert_eq!((log["seq"].as_u64(), log["deliveries"].as_u64()), (Some(2), Some(1)));
    assert_eq!(consumer.info().await.unwrap().num_pending, 0, "it is delivered no more");
    assert_eq!(intake.get_raw_message(2).await.unwrap().payload, POISON.as_bytes(), "it lies there still");
    cluster.start_again();
}
