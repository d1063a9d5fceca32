//! The one file that spells what is on the bus: subjects, headers, queue groups, streams, buckets and users.

/// Commands and queries, one subject each.
pub mod subject {
    /// Make a session and, unless it is a single-use link, its token.
    pub const SESSION_CREATE: &str = "cmd.session.create";
    /// Redeem a session: exactly one consumer wins.
    pub const SESSION_CONSUME: &str = "cmd.session.consume";
    /// Take a session back.
    pub const SESSION_REVOKE: &str = "cmd.session.revoke";
    /// Keep a token that another server minted, for a caller who waits. (An outsider's registration goes through a
    /// stream, as [`TOKEN_REGISTER`], and ends in the same decision.)
    pub const SESSION_REGISTER: &str = "cmd.session.register";
    /// Forget what somebody was called.
    pub const SESSION_ERASE: &str = "cmd.session.erase";
    /// Sign a token without a session.
    pub const TOKEN_ISSUE: &str = "cmd.token.issue";
    /// What a session is now, for a cache that has forgotten it.
    pub const SESSION_GET: &str = "qry.session.get";
    /// What a manager sees of one session.
    pub const SESSION_SHOW: &str = "qry.session.show";
    /// What a manager sees of many.
    pub const SESSION_LIST: &str = "qry.session.list";
    /// Whether a token is good, as far as signature, time and session go.
    pub const SESSION_VALIDATE: &str = "qry.session.validate";
    /// How the worker sees its database and LiveKit, for the edge's health page.
    pub const SESSION_HEALTH: &str = "qry.session.health";
    /// Make a user.
    pub const USER_CREATE: &str = "cmd.user.create";
    /// One user.
    pub const USER_GET: &str = "qry.user.get";
    /// Make a broadcast.
    pub const BROADCAST_CREATE: &str = "cmd.broadcast.create";
    /// A broadcast goes live.
    pub const BROADCAST_START: &str = "cmd.broadcast.start";
    /// A broadcast is over.
    pub const BROADCAST_END: &str = "cmd.broadcast.end";
    /// One broadcast.
    pub const BROADCAST_GET: &str = "qry.broadcast.get";
    /// Many broadcasts.
    pub const BROADCAST_LIST: &str = "qry.broadcast.list";
    /// A token that another server minted, published by outsiders into [`super::stream::INTAKE`].
    pub const TOKEN_REGISTER: &str = "cmd.token.register";
    /// What became of a registration, for whoever made it.
    pub const REGISTRATION_GET: &str = "qry.registration.get";
    /// Whether LiveKit signed a webhook: the edge has no secret of LiveKit's.
    pub const LIVEKIT_VERIFY: &str = "qry.livekit.verify";
    /// Messages that can never work.
    pub const DEAD_LIST: &str = "qry.dead.list";
    /// Deliver one of them again.
    pub const DEAD_REDRIVE: &str = "cmd.dead.redrive";
    /// Take one of them away for good.
    pub const DEAD_DROP: &str = "cmd.dead.drop";
    /// What an edge has refused.
    pub const AUDIT_REFUSED: &str = "cmd.audit.refused";
    /// The checkpoint that was signed last.
    pub const AUDIT_CHECKPOINT: &str = "qry.audit.checkpoint";
    /// What checkpoints are signed with.
    pub const AUDIT_KEY: &str = "qry.audit.key";
    /// A tile of the ledger's hashes.
    pub const AUDIT_TILE: &str = "qry.audit.tile";
    /// That an event stands in the ledger.
    pub const AUDIT_PROOF: &str = "qry.audit.proof";
    /// Events in order, from the ledger.
    pub const AUDIT_EVENTS: &str = "qry.audit.events";
    /// Where the ledger stands.
    pub const AUDIT_LEDGER: &str = "qry.audit.ledger";
    /// How much happened when.
    pub const AUDIT_COUNTS: &str = "qry.audit.counts";
    /// Who could enter a room, and who did.
    pub const AUDIT_WHO: &str = "qry.audit.who";
    /// What LiveKit told us goes to `in.livekit.<its event>`, into [`super::stream::INTAKE`].
    pub const LIVEKIT_PREFIX: &str = "in.livekit.";
    /// All of it, as the stream and its consumer name it.
    pub const LIVEKIT_ALL: &str = "in.livekit.*";

    /// Events are published under `evt.<type>`, with no id in the subject: a million subjects cost the
    /// server about 430 MB of memory, a million messages on one subject almost nothing.
    pub const EVENT_PREFIX: &str = "evt.";
    /// A message that can never work goes to `dead.<its subject>`.
    pub const DEAD_PREFIX: &str = "dead.";
    /// A session's entry in the cache is the value of `$KV.sessions.<session id>`.
    pub const SESSION_CACHE_PREFIX: &str = "$KV.sessions.";
}

/// Headers of commands and replies. No name begins with `Nats-`: those are the server's.
pub mod header {
    /// The command's identity: the same id is the same command, whoever delivers it, however often.
    pub const COMMAND_ID: &str = "Command-Id";
    /// RFC 3339; a command not applied by then is dropped unanswered.
    pub const EXPIRES_AT: &str = "Expires-At";
    /// Who asks, as JSON of [`crate::Actor`]; believed only on subjects that our own services alone may publish.
    pub const ACTOR: &str = "Actor";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// [`super::CLOUDEVENT`] on every event: whoever knows CloudEvents and not us reads the body as a whole one. In small
    /// letters, for NATS tells them from large ones, and the other libraries write it so (CloudEvents' sdk-go,
    /// `protocol/nats_jetstream`).
    pub const CONTENT_TYPE: &str = "content-type";
    /// A reply's HTTP status.
    pub const STATUS: &str = "Status";
    /// A refusal's stable machine word.
    pub const CODE: &str = "Code";
    /// Why a message is in [`super::stream::DEAD`].
    pub const DEAD_REASON: &str = "Dead-Reason";
    /// How often it had been delivered.
    pub const DEAD_ATTEMPTS: &str = "Dead-Attempts";
    /// How many bytes its body had, where only the beginning of it fitted.
    pub const DEAD_SIZE: &str = "Dead-Size";
}

/// The media type of an event (CloudEvents' JSON format, in structured mode).
pub const CLOUDEVENT: &str = "application/cloudevents+json";

/// Queue groups, which are also the names of the NATS services.
pub mod group {
    /// Sessions and tokens.
    pub const SESSION: &str = "session";
    /// Users and broadcasts.
    pub const STUDIO: &str = "studio";
    /// Rooms in LiveKit, and who is in them.
    pub const ROOM: &str = "room";
    /// The ledger's keeper.
    pub const AUDIT: &str = "audit";
}

/// Streams.
pub mod stream {
    /// What outsiders were promised is safe once acknowledged: a work queue, synced on every write.
    pub const INTAKE: &str = "INTAKE";
    /// A copy of the ledger's latest window, in its order: stream sequence = `ledgerseq`.
    pub const EVENTS: &str = "EVENTS";
    /// Messages that can never work, with the reason.
    pub const DEAD: &str = "DEAD";
    /// The stream behind the bucket [`super::bucket::SESSIONS`].
    pub const KV_SESSIONS: &str = "KV_sessions";
    /// Metadata key of [`EVENTS`]: which ledger it copies.
    pub const LEDGER_ID: &str = "ledger_id";
}

/// Durable consumers of [`stream::INTAKE`].
pub mod consumer {
    /// The session worker's, filtered to [`super::subject::TOKEN_REGISTER`].
    pub const INTAKE_SESSION: &str = "session";
    /// The room worker's, filtered to [`super::subject::LIVEKIT_ALL`].
    pub const INTAKE_ROOM: &str = "room";
}

/// Key-value buckets.
pub mod bucket {
    /// The session cache, never the truth.
    pub const SESSIONS: &str = "sessions";
}

/// A user of the bus, as `nats.conf` defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusUser {
    /// The HTTP edge.
    Edge,
    /// The session worker.
    Session,
    /// The studio worker.
    Studio,
    /// The room worker.
    Room,
    /// The audit worker.
    AuditWorker,
    /// An auditor: reads EVENTS, and nothing else.
    Audit,
    /// An outsider that registers tokens.
    TokenServer,
    /// Provisioning: the only one that makes streams.
    Admin,
}

impl BusUser {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Edge,
        Self::Session,
        Self::Studio,
        Self::Room,
        Self::AuditWorker,
        Self::Audit,
        Self::TokenServer,
        Self::Admin,
    ];

    /// The user's name in `nats.conf`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Session => "session",
            Self::Studio => "studio",
            Self::Room => "room",
            Self::AuditWorker => "audit-worker",
            Self::Audit => "audit",
            Self::TokenServer => "token-server",
            Self::Admin => "admin",
        }
    }

    /// The environment variable that holds the user's password, for the server and for whoever logs in.
    #[must_use]
    pub fn password_variable(self) -> &'static str {
        match self {
            Self::Edge => "NATS_EDGE_PASSWORD",
            Self::Session => "NATS_SESSION_PASSWORD",
            Self::Studio => "NATS_STUDIO_PASSWORD",
            Self::Room => "NATS_ROOM_PASSWORD",
            Self::AuditWorker => "NATS_AUDIT_WORKER_PASSWORD",
            Self::Audit => "NATS_AUDIT_PASSWORD",
            Self::TokenServer => "NATS_TOKEN_SERVER_PASSWORD",
            Self::Admin => "NATS_ADMIN_PASSWORD",
        }
    }

    /// The only inbox prefix the user may subscribe to.
    #[must_use]
    pub fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.name())
    }
}
