//! The auditor's account on the bus: it reads EVENTS by their places, and has nothing sent to anybody.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::pull};
use avanzacast_kit::provision::{Provision, provision};
use avanzacast_schemas::bus::BusUser::{self, Admin, Audit, AuditWorker, Session, Studio};
use avanzacast_tests::{Nats, NatsOptions};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use super::permissions::SUBSCRIBE;

/// Provisioned streams, and one event in EVENTS.
async fn provisioned(bus: &Nats) -> jetstream::Context {
    let admin = jetstream::new(bus.connect(Admin).await);
    let spec = Provision {
        ledger_id: "ours".to_owned(),
        first_sequence: 1,
        events_retention: Duration::from_secs(60),
        events_max_bytes: 1024 * 1024,
        replicas: 1,
        replace_foreign: false,
    };
    provision(&admin, &spec).await.unwrap();
    let relay = jetstream::new(bus.connect(Session).await);
    relay.publish("evt.session.created", "{}".into()).await.unwrap().await.unwrap();
    admin
}

/// How much is in each stream, and which consumers it has.
async fn held(admin: &jetstream::Context) -> Vec<(String, u64, Vec<String>)> {
    let mut all = Vec::new();
    for name in ["INTAKE", "EVENTS", "DEAD", "KV_sessions"] {
        let stream = admin.get_stream(name).await.unwrap();
        let mut consumers: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
        consumers.sort();
        all.push((name.to_owned(), stream.cached_info().state.messages, consumers));
    }
    all
}

/// What our services hear by a queue group, and who they are.
fn groups() -> Vec<(String, String, BusUser)> {
    let owner = |group: &str| match group {
        "session" => Session,
        "studio" => Studio,
        "audit" => AuditWorker,
        other => panic!("whose group is {other}?"),
    };
    let mut all = Vec::new();
    for (subject, _) in SUBSCRIBE.iter().filter(|(_, allowed)| !allowed.is_empty()) {
        if let Some((subject, group)) = subject.split_once(' ').filter(|(subject, _)| !subject.starts_with('$')) {
            all.push((subject.to_owned(), group.to_owned(), owner(group)));
        }
    }
    all
}

/// Where somebody who could would like events to go: into streams of ours, and to our services.
const INTO_STREAMS: [&str; 6] = [
    "cmd.token.register",
    "in.livekit.room_started",
    "in.livekit.participant_joined",
    "evt.forged",
    "dead.forged",
    "$KV.sessions.abcd",
];

/// A consumer's deliver subject and a question's reply subject are not checked against publish rights: what an account of
/// its own is for, into which nothing is imported that makes a consumer.
#[tokio::test]
async fn an_auditor_cannot_have_stored_messages_sent_to_our_subjects() {
    let bus = Nats::start(NatsOptions::default());
    let admin = provisioned(&bus).await;
    // Somebody else's, of those that may make one.
    let theirs = pull::Config { durable_name: Some("theirs".to_owned()), ..pull::Config::default() };
    admin.get_stream("EVENTS").await.unwrap().create_consumer(theirs).await.unwrap();
    let before = held(&admin).await;
    let groups = groups();
    let mut heard = Vec::new();
    for (subject, group, user) in &groups {
        let service = bus.connect(*user).await;
        heard.push(service.queue_subscribe(subject.clone(), group.clone()).await.unwrap());
        service.flush().await.unwrap();
    }
    let auditor = bus.connect(Audit).await;
    let targets = groups.iter().map(|(subject, group, _)| (subject.as_str(), Some(group.as_str())));
    for (n, (subject, group)) in targets.chain(INTO_STREAMS.map(|subject| (subject, None))).enumerate() {
        for (prefix, kind) in
            [("APPJS.API", "named"), ("APPJS.API", "durable"), ("APPJS.API", "ephemeral"), ("$JS.API", "named")]
        {
            let mut config = json!({"deliver_policy": "all", "ack_policy": "none", "deliver_subject": subject});
            config["deliver_group"] = json!(group);
            let name = format!("{kind}-{n}");
            let asked = match kind {
                "ephemeral" => format!("{prefix}.CONSUMER.CREATE.EVENTS"),
                _ => format!("{prefix}.CONSUMER.CREATE.EVENTS.{name}"),
            };
            if kind != "ephemeral" {
                config["name"] = json!(name);
            }
            if kind == "durable" {
                config["durable_name"] = json!(name);
            }
            let body = json!({"stream_name": "EVENTS", "config": config}).to_string();
            auditor.publish_with_reply(asked, auditor.new_inbox(), body.into()).await.unwrap();
        }
        // A direct get, a batch of them, a pull, and what the server says about the stream.
        for (asked, body) in [
            ("DIRECT.GET.EVENTS", r#"{"seq":1}"#.to_owned()),
            ("DIRECT.GET.EVENTS", r#"{"seq":1,"batch":10}"#.to_owned()),
            ("CONSUMER.MSG.NEXT.EVENTS.theirs", "1".to_owned()),
            ("CONSUMER.DELETE.EVENTS.theirs", String::new()),
            ("STREAM.INFO.EVENTS", String::new()),
        ] {
            for prefix in ["APPJS.API", "$JS.API"] {
                let asked = format!("{prefix}.{asked}");
                auditor.publish_with_reply(asked, subject.to_owned(), body.clone().into()).await.unwrap();
            }
        }
    }
    auditor.flush().await.unwrap();
    // Every answer and every delivery has come by then: the server works off one connection after the other.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(held(&admin).await, before, "something was written, or made");
    for (heard, (subject, ..)) in heard.iter_mut().zip(&groups) {
        let message = tokio::time::timeout(Duration::from_millis(1), heard.next()).await;
        assert!(message.is_err(), "{subject} was sent {message:?}");
    }
}

/// And it still reads: a batch, to its own inbox.
#[tokio::test]
async fn an_auditor_reads_events_by_their_places() {
    let bus = Nats::start(NatsOptions::default());
    provisioned(&bus).await;
    let auditor = bus.connect(Audit).await;
    let inbox = auditor.new_inbox();
    let mut answers = auditor.subscribe(inbox.clone()).await.unwrap();
    let batch = r#"{"seq":1,"batch":10}"#;
    auditor.publish_with_reply("APPJS.API.DIRECT.GET.EVENTS", inbox, batch.into()).await.unwrap();
    let mut next = async || tokio::time::timeout(Duration::from_secs(5), answers.next()).await.unwrap().unwrap();
    let event = next().await;
    assert_eq!((event.status, &event.payload[..]), (None, &b"{}"[..]));
    assert_eq!(next().await.status.map(|status| status.as_u16()), Some(204), "the end of the batch");
}
