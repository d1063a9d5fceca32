//! `avanzacast provision`: what it makes on the bus, and what it leaves alone.

use std::time::Duration;

use async_nats::jetstream::{self, Context, stream::PersistenceMode};
use avanzacast_kit::provision::{Provision, ProvisionError, provision};
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Nats, NatsOptions};

fn spec(ledger_id: &str, first_sequence: u64) -> Provision {
    Provision {
        ledger_id: ledger_id.to_owned(),
        first_sequence,
        events_retention: Duration::from_secs(3600),
        events_max_bytes: 1024 * 1024,
        replicas: 1,
        replace_foreign: false,
    }
}

async fn admin() -> (Nats, Context) {
    let bus = Nats::start(NatsOptions::default());
    let jetstream = jetstream::new(bus.connect(BusUser::Admin).await);
    (bus, jetstream)
}

/// Publishes an event as the relay would, and answers its sequence.
async fn publish(bus: &Nats) -> u64 {
    let session = jetstream::new(bus.connect(BusUser::Session).await);
    session.publish("evt.session.created", "{}".into()).await.unwrap().await.unwrap().sequence
}

#[tokio::test]
async fn twice_is_once_and_settings_are_brought_up_to_date() {
    let (bus, jetstream) = admin().await;
    provision(&jetstream, &spec("ours", 1)).await.unwrap();
    assert_eq!(publish(&bus).await, 1);
    let longer = Provision { events_retention: Duration::from_secs(7200), ..spec("ours", 1) };
    provision(&jetstream, &longer).await.unwrap();
    let events = jetstream.get_stream("EVENTS").await.unwrap();
    let info = events.cached_info();
    assert_eq!(info.config.max_age, Duration::from_secs(7200));
    assert_eq!((info.state.messages, info.config.persist_mode), (1, Some(PersistenceMode::Async)));
    for name in ["INTAKE", "DEAD", "KV_sessions"] {
        assert!(jetstream.get_stream(name).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_stream_made_anew_begins_where_it_is_told_to() {
    let (bus, jetstream) = admin().await;
    provision(&jetstream, &spec("ours", 42)).await.unwrap();
    assert_eq!(publish(&bus).await, 42);
    provision(&jetstream, &spec("ours", 7)).await.unwrap();
    assert_eq!(publish(&bus).await, 43, "one that is there goes on");
    bus.delete_stream("EVENTS").await;
    provision(&jetstream, &spec("ours", 7)).await.unwrap();
    assert_eq!(publish(&bus).await, 7);
}

#[tokio::test]
async fn another_ledgers_stream_is_refused_unless_the_server_is_ours_alone() {
    let (bus, jetstream) = admin().await;
    provision(&jetstream, &spec("theirs", 1)).await.unwrap();
    publish(&bus).await;
    let refused = provision(&jetstream, &spec("ours", 1)).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::LedgerForeign { .. }), "{refused}");
    assert_eq!(jetstream.get_stream("EVENTS").await.unwrap().cached_info().state.messages, 1);
    provision(&jetstream, &Provision { replace_foreign: true, ..spec("ours", 1) }).await.unwrap();
    let events = jetstream.get_stream("EVENTS").await.unwrap();
    assert_eq!(events.cached_info().state.messages, 0);
    assert_eq!(events.cached_info().config.metadata.get("ledger_id").map(String::as_str), Some("ours"));
}
