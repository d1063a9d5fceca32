//! Least privilege on the bus: every user against every class of subject, on a real server with the real `nats.conf`.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use avanzacast_schemas::bus::BusUser::{self, Admin, Audit, AuditWorker, Edge, Room, Session, Studio, TokenServer};
use avanzacast_tests::{Nats, NatsOptions};

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
pub(super) const SUBSCRIBE: &[(&str, &[BusUser])] = &[
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
