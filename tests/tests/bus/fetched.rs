//! EVENTS as an auditor reads it, a batch at a time: whole and in order whatever happens to stream and server, and no
//! event ever left out.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use avanzacast_kit::{
    Secret,
    bus::{Bus, EventsRead, EventsReader},
    config::BusConfig,
    provision::{Provision, provision},
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{Nats, NatsOptions, require};

/// More than what is asked for ahead, and no round number of batches.
const EVENTS: u64 = 10_007;
const BATCH: usize = 500;

struct Stream {
    bus: Nats,
    admin: jetstream::Context,
    relay: jetstream::Context,
}

impl Stream {
    async fn start(first: u64, max_bytes: i64) -> Self {
        let bus = Nats::start(NatsOptions::default());
        let admin = jetstream::new(bus.connect(BusUser::Admin).await);
        let spec = Provision {
            ledger_id: "ours".to_owned(),
            first_sequence: first,
            events_retention: Duration::from_secs(3_600),
            events_max_bytes: max_bytes,
            replicas: 1,
            replace_foreign: false,
        };
        provision(&admin, &spec).await.unwrap();
        let relay = jetstream::new(bus.connect(BusUser::Session).await);
        Self { bus, admin, relay }
    }

    async fn append(&self, count: u64, body: impl Fn(u64) -> String) {
        for n in 1..=count {
            let sent = self.relay.publish("evt.session.created", body(n).into()).await.unwrap();
            if n == count {
                sent.await.unwrap();
            }
        }
    }

    async fn reader(&self) -> EventsReader {
        let config = BusConfig {
            url: format!("nats://{}", self.bus.addr()),
            user: BusUser::Audit,
            password: Secret::new(self.bus.password(BusUser::Audit)),
        };
        let bus = Bus::connect(&config, "test").await.unwrap();
        while !bus.is_connected() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        EventsReader::new(&bus, BusUser::Audit)
    }
}

/// The places of what comes next, and their bodies; none at the end.
async fn read(reader: &mut EventsReader, after: u64) -> Vec<(u64, String)> {
    match reader.after(after, BATCH).await.unwrap() {
        EventsRead::Events(events) => {
            events.into_iter().map(|(place, body)| (place, String::from_utf8(body.to_vec()).unwrap())).collect()
        }
        EventsRead::Gone => panic!("{} is gone", after + 1),
    }
}

/// Everything after a place through another, which must be whole.
async fn read_through(reader: &mut EventsReader, mut place: u64, through: u64, body: impl Fn(u64) -> String) {
    while place < through {
        let events = read(reader, place).await;
        assert!(!events.is_empty(), "nothing after {place}");
        for (found, text) in events {
            place += 1;
            assert_eq!((found, text), (place, body(place)));
        }
    }
    assert_eq!(place, through);
}

fn small(n: u64) -> String {
    format!("event {n}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_comes_whole_from_any_place_and_what_is_new_soon() {
    require!(Nats::available());
    let stream = Stream::start(1, 1 << 30).await;
    stream.append(EVENTS, small).await;
    let mut reader = stream.reader().await;
    assert_eq!(reader.window().await.unwrap(), (1, EVENTS));
    assert_eq!(reader.ledger_id().await.unwrap().as_deref(), Some("ours"));
    read_through(&mut reader, 0, EVENTS, small).await;
    // Here and there, backwards, the last one.
    for place in [7_000, 13, EVENTS - 1, 0] {
        assert_eq!(read(&mut reader, place).await[0], (place + 1, small(place + 1)));
    }
    let (mut waits, start) = (read(&mut reader, EVENTS).await, Instant::now());
    assert!(waits.is_empty(), "nothing for a while");
    stream.append(1, |_| small(EVENTS + 1)).await;
    while waits.is_empty() {
        waits = read(&mut reader, EVENTS).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(waits, [(EVENTS + 1, small(EVENTS + 1))]);
}

/// Fewer of them make a batch, as many as fit.
#[tokio::test(flavor = "multi_thread")]
async fn large_events_come_whole_too() {
    require!(Nats::available());
    let stream = Stream::start(1, 1 << 30).await;
    let large = |n: u64| format!("{n} {}", "x".repeat(100_000));
    stream.append(700, large).await;
    read_through(&mut stream.reader().await, 0, 700, large).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_does_not_have_is_said_and_never_left_out() {
    require!(Nats::available());
    let stream = Stream::start(101, 1 << 30).await;
    let body = |place: u64| small(place - 100);
    stream.append(2_000, small).await;
    let mut reader = stream.reader().await;
    for before in [0, 50, 99] {
        assert!(matches!(reader.after(before, BATCH).await.unwrap(), EventsRead::Gone), "{before}");
    }
    read_through(&mut reader, 100, 2_100, body).await;
    // One is deleted, in a batch's middle and at its beginning: what was before it comes, and then it is gone.
    let events = stream.admin.get_stream("EVENTS").await.unwrap();
    for gone in [333, 601] {
        events.delete_message(gone).await.unwrap();
        let from = if gone == 333 { 100 } else { 333 };
        read_through(&mut reader, from, gone - 1, body).await;
        assert!(matches!(reader.after(gone - 1, BATCH).await.unwrap(), EventsRead::Gone), "{gone}");
    }
    read_through(&mut reader, 601, 2_100, body).await;
    events.purge().sequence(1_001).await.unwrap();
    assert!(matches!(reader.after(601, BATCH).await.unwrap(), EventsRead::Gone));
    read_through(&mut reader, 1_000, 2_100, body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_in_between_is_waited_for() {
    require!(Nats::available());
    let stream = Stream::start(1, 1 << 30).await;
    stream.append(EVENTS, small).await;
    let mut reader = stream.reader().await;
    read_through(&mut reader, 0, 1_000, small).await;
    stream.bus.stop();
    let bus = &stream.bus;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            bus.start_again();
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(read_through(&mut reader, 1_000, EVENTS, small));
        });
    });
    bus.pause();
    assert!(reader.after(EVENTS, 1).await.is_err(), "nobody answers");
    bus.resume();
    stream.append(1, |_| small(EVENTS + 1)).await;
    read_through(&mut reader, EVENTS, EVENTS + 1, small).await;
}

/// Several readers of one connection's kind, each with all of it.
#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_disturb_each_other() {
    require!(Nats::available());
    let stream = Stream::start(1, 1 << 30).await;
    stream.append(EVENTS, small).await;
    let (mut one, mut other) = (stream.reader().await, stream.reader().await);
    tokio::join!(read_through(&mut one, 0, EVENTS, small), read_through(&mut other, 5_000, EVENTS, small));
}
