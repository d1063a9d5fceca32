//! Least privilege on the bus: every user against every class of subject, on a real server with the real `nats.conf`.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use async_nats::jetstream::{self, consumer::pull};
use avanzacast_kit::provision::{Provision, provision};
use avanzacast_schemas::bus::BusUser::{self, Admin, Audit, AuditWorker, Edge, Room, Session, Studio, TokenServer};
use avanzacast_tests::{Nats, NatsOptions};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

/// Who may publish what. A user that is not named may not.
const PUBLISH: &[(&str, &[BusUser])] = &[
    ("cmd.session.create", &[Edge]),
    ("cmd.session.consume", &[Edge]),
    ("cmd.session.revoke", &[Edge]),
    ("cmd.session.register", &[Edge]),
    ("cmd.session.erase", &[Edge, Admin]),
    ("cmd.session.other", &[]),
    ("cmd.token.issue", &[Edge]),
    ("cmd.token.register", &[Session, TokenServer, Admin]),
    ("cmd.user.create", &[Edge]),
    ("cmd.user.other", &[]),
    ("cmd.broadcast.create", &[Edge]),
    ("cmd.broadcast.start", &[Edge]),
    ("cmd.broadcast.end", &[Edge]),
    ("cmd.broadcast.other", &[]),
    ("qry.user.get", &[Edge]),
    ("qry.broadcast.get", &[Edge]),
    ("qry.broadcast.list", &[Edge]),
    ("qry.session.get", &[Edge]),
    ("qry.session.show", &[Edge]),
    ("qry.session.list", &[Edge]),
    ("qry.session.validate", &[Edge]),
    ("qry.session.health", &[Edge]),
    ("qry.registration.get", &[TokenServer]),
    ("qry.livekit.verify", &[Edge]),
    ("cmd.audit.refused", &[Edge]),
    ("cmd.audit.other", &[]),
    ("qry.dead.list", &[Edge]),
    ("cmd.dead.redrive", &[Edge]),
    ("cmd.dead.drop", &[Edge]),
    ("qry.audit.checkpoint", &[Edge]),
    ("qry.audit.key", &[Edge]),
    ("qry.audit.tile", &[Edge]),
    ("qry.audit.proof", &[Edge]),
    ("qry.audit.events", &[Edge]),
    ("qry.audit.ledger", &[Edge]),
    ("qry.audit.counts", &[Edge]),
    ("qry.audit.who", &[Edge]),
    ("in.livekit.room_started", &[Edge, Session, Admin]),
    ("in.livekit.room_finished", &[Edge, Session, Admin]),
    ("in.livekit.participant_joined", &[Edge, Session, Admin]),
    ("in.livekit.participant_left", &[Edge, Session, Admin]),
    ("in.livekit.participant_connection_aborted", &[Edge, Session, Admin]),
    ("in.livekit.other", &[Session, Admin]),
    ("in.other", &[]),
    ("evt.session.created", &[Session]),
    ("evt.broadcast.created", &[Session]),
    ("dead.cmd.token.register", &[Session]),
    ("dead.in.livekit.participant_joined", &[Room]),
    ("$KV.sessions.abcd", &[Session]),
    ("$KV.other.abcd", &[]),
    ("$JS.API.INFO", &[Admin]),
    ("$JS.API.STREAM.CREATE.NEW", &[Admin]),
    ("$JS.API.STREAM.UPDATE.NEW", &[Admin]),
    ("$JS.API.STREAM.DELETE.NEW", &[Admin]),
    ("$JS.API.STREAM.PURGE.NEW", &[Admin]),
    ("$JS.API.STREAM.MSG.DELETE.NEW", &[Admin]),
    ("$JS.API.STREAM.MSG.GET.INTAKE", &[Admin]),
    ("$JS.API.STREAM.MSG.DELETE.EVENTS", &[Admin]),
    ("$JS.API.STREAM.INFO.DEAD", &[Session, Admin]),
    ("$JS.API.DIRECT.GET.DEAD", &[Admin]),
    ("$JS.API.STREAM.MSG.GET.DEAD", &[Session, Admin]),
    ("$JS.API.CONSUMER.CREATE.DEAD.mine", &[Session, Admin]),
    ("$JS.API.CONSUMER.MSG.NEXT.DEAD.mine", &[Session, Admin]),
    ("$JS.API.STREAM.MSG.DELETE.DEAD", &[Session, Admin]),
    ("$JS.API.STREAM.INFO.EVENTS", &[Session, Studio, Room, AuditWorker, Admin]),
    ("$JS.API.STREAM.INFO.INTAKE", &[Admin]),
    ("$JS.API.DIRECT.GET.EVENTS", &[Session, Studio, Room, AuditWorker, Admin]),
    ("$JS.API.DIRECT.GET.INTAKE", &[Admin]),
    ("$JS.API.DIRECT.GET.KV_sessions.$KV.sessions.abcd", &[Edge, Admin]),
    ("$JS.API.DIRECT.GET.KV_sessions", &[Admin]),
    ("$JS.API.CONSUMER.CREATE.EVENTS.mine", &[Room, AuditWorker, Admin]),
    ("$JS.API.CONSUMER.CREATE.INTAKE.mine", &[Admin]),
    ("$JS.API.CONSUMER.DELETE.EVENTS.mine", &[Room, AuditWorker, Admin]),
    ("$JS.API.CONSUMER.DELETE.INTAKE.session", &[Admin]),
    ("$JS.API.CONSUMER.MSG.NEXT.EVENTS.mine", &[Room, AuditWorker, Admin]),
    ("$JS.API.CONSUMER.MSG.NEXT.INTAKE.session", &[Session, Admin]),
    ("$JS.API.CONSUMER.INFO.INTAKE.session", &[Session, Admin]),
    ("$JS.API.CONSUMER.MSG.NEXT.INTAKE.room", &[Room, Admin]),
    ("$JS.API.CONSUMER.INFO.INTAKE.room", &[Room, Admin]),
    ("$JS.ACK.INTAKE.session.1.1.1.1.1", &[Session]),
    ("$JS.ACK.INTAKE.room.1.1.1.1.1", &[Room]),
    ("$JS.ACK.INTAKE.other.1.1.1.1.1", &[]),
    ("APPJS.API.STREAM.INFO.EVENTS", &[Audit]),
    ("APPJS.API.DIRECT.GET.EVENTS", &[Audit]),
    ("APPJS.API.DIRECT.GET.INTAKE", &[]),
    ("APPJS.API.CONSUMER.CREATE.EVENTS", &[]),
    ("APPJS.API.CONSUMER.CREATE.EVENTS.mine", &[]),
    ("APPJS.API.CONSUMER.CREATE.EVENTS.mine.evt.x", &[]),
    ("APPJS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine", &[]),
    ("APPJS.API.CONSUMER.DELETE.EVENTS.mine", &[]),
    ("APPJS.API.CONSUMER.MSG.NEXT.EVENTS.mine", &[]),
    ("APPJS.API.STREAM.DELETE.EVENTS", &[]),
    ("APPJS.API.STREAM.INFO.INTAKE", &[]),
    ("$SRV.PING", &[Edge, Admin]),
    ("$SRV.STATS", &[Admin]),
    ("$SYS.REQ.SERVER.PING", &[]),
    ("_INBOX_edge.x", &[]),
    ("_INBOX_session.x", &[]),
    ("_INBOX_admin.x", &[]),
    ("anything.else", &[]),
];

/// Who may subscribe to what: subject, and queue group if any.
const SUBSCRIBE: &[(&str, &[BusUser])] = &[
    ("cmd.session.create session", &[Session]),
    ("cmd.session.create", &[]),
    ("cmd.session.create other", &[]),
    ("cmd.session.consume session", &[Session]),
    ("cmd.session.revoke session", &[Session]),
    ("cmd.session.register session", &[Session]),
    ("cmd.token.issue session", &[Session]),
    ("qry.session.get session", &[Session]),
    ("qry.session.show session", &[Session]),
    ("qry.session.list session", &[Session]),
    ("qry.session.validate session", &[Session]),
    ("qry.session.health session", &[Session]),
    ("qry.registration.get session", &[Session]),
    ("qry.registration.get", &[]),
    ("qry.livekit.verify session", &[Session]),
    ("qry.livekit.verify", &[]),
    ("cmd.session.erase session", &[Session]),
    ("qry.dead.list session", &[Session]),
    ("cmd.dead.redrive session", &[Session]),
    ("cmd.dead.drop session", &[Session]),
    ("cmd.audit.refused audit", &[AuditWorker]),
    ("cmd.audit.refused", &[]),
    ("qry.audit.checkpoint audit", &[AuditWorker]),
    ("qry.audit.key audit", &[AuditWorker]),
    ("qry.audit.tile audit", &[AuditWorker]),
    ("qry.audit.proof audit", &[AuditWorker]),
    ("qry.audit.events audit", &[AuditWorker]),
    ("qry.audit.ledger audit", &[AuditWorker]),
    ("qry.audit.counts audit", &[AuditWorker]),
    ("qry.audit.who audit", &[AuditWorker]),
    ("qry.audit.who", &[]),
    ("qry.audit.events", &[]),
    ("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.INTAKE.* session", &[Session, Admin]),
    ("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.INTAKE.* session", &[Session, Admin]),
    ("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>", &[Admin]),
    ("cmd.user.create studio", &[Studio]),
    ("cmd.user.create", &[]),
    ("cmd.user.create session", &[]),
    ("cmd.broadcast.create studio", &[Studio]),
    ("cmd.broadcast.start studio", &[Studio]),
    ("cmd.broadcast.end studio", &[Studio]),
    ("qry.user.get studio", &[Studio]),
    ("qry.broadcast.get studio", &[Studio]),
    ("qry.broadcast.list studio", &[Studio]),
    ("cmd.token.register", &[]),
    ("cmd.token.register session", &[]),
    ("cmd.>", &[]),
    ("qry.>", &[]),
    ("evt.>", &[Edge]),
    ("evt.session.created", &[Edge]),
    ("in.livekit.*", &[]),
    ("dead.>", &[]),
    ("$KV.sessions.*", &[]),
    ("$SRV.PING", &[Session, Studio, Room, AuditWorker]),
    ("$SRV.>", &[]),
    ("$JS.API.>", &[]),
    ("$JS.EVENT.ADVISORY.>", &[Admin]),
    ("$SYS.>", &[]),
    ("_INBOX_edge.>", &[Edge]),
    ("_INBOX_session.>", &[Session]),
    ("_INBOX_studio.>", &[Studio]),
    ("_INBOX_room.>", &[Room]),
    ("_INBOX_audit-worker.>", &[AuditWorker]),
    ("_INBOX_audit.>", &[Audit]),
    ("_INBOX_token-server.>", &[TokenServer]),
    ("_INBOX_admin.>", &[Admin]),
    ("_INBOX.>", &[]),
    (">", &[]),
];

/// The protocol itself, in verbose mode: the server answers every line with `+OK` or `-ERR`, so that a denial is seen
/// where it happens and not guessed from silence.
struct Raw {
    lines: BufReader<TcpStream>,
    subscriptions: u32,
}

impl Raw {
    fn connect(bus: &Nats, user: &str, password: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(bus.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut raw = Self { lines: BufReader::new(stream), subscriptions: 0 };
        assert!(raw.line().starts_with("INFO "));
        let options = serde_json::json!({"verbose": true, "user": user, "pass": password, "headers": true});
        raw.command(&format!("CONNECT {options}")).map(|()| raw)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// One line, and its answer. What the server sends of its own accord is passed over.
    fn command(&mut self, command: &str) -> Result<(), String> {
        self.lines.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        loop {
            let line = self.line();
            match line.split(' ').next() {
                Some("+OK") => return Ok(()),
                Some("-ERR") => return Err(line),
                Some("MSG" | "HMSG") => drop(self.line()),
                Some("PING") => self.lines.get_mut().write_all(b"PONG\r\n").unwrap(),
                _ => {}
            }
        }
    }

    fn may_publish(&mut self, subject: &str) -> bool {
        denied(self.command(&format!("PUB {subject} 2\r\n{{}}")))
    }

    fn may_subscribe(&mut self, subject: &str) -> bool {
        self.subscriptions += 1;
        denied(self.command(&format!("SUB {subject} {}", self.subscriptions)))
    }
}

fn denied(answer: Result<(), String>) -> bool {
    match answer {
        Ok(()) => true,
        Err(error) => {
            assert!(error.contains("Permissions Violation"), "{error}");
            false
        }
    }
}

#[test]
fn every_user_may_do_what_it_needs_and_nothing_else() {
    let bus = Nats::start(NatsOptions::default());
    let mut wrong = Vec::new();
    for user in BusUser::ALL {
        let mut raw = Raw::connect(&bus, user.name(), bus.password(user)).unwrap();
        for (subject, allowed) in PUBLISH {
            if raw.may_publish(subject) != allowed.contains(&user) {
                wrong.push(format!("{} publishing {subject}", user.name()));
            }
        }
        for (subject, allowed) in SUBSCRIBE {
            if raw.may_subscribe(subject) != allowed.contains(&user) {
                wrong.push(format!("{} subscribing to {subject}", user.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
}

#[test]
fn nobody_enters_without_their_password() {
    let bus = Nats::start(NatsOptions::default());
    for user in BusUser::ALL {
        for password in ["", "wrong", bus.password(if user == Edge { Admin } else { Edge })] {
            let refused = Raw::connect(&bus, user.name(), password).err().unwrap();
            assert!(refused.contains("Authorization Violation"), "{refused}");
        }
    }
    assert!(Raw::connect(&bus, "", "").is_err(), "a connection without a user");
    assert!(Raw::connect(&bus, "sys", "sys").is_err(), "a user that is not there");
}

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
