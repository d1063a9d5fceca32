//! Every command and query: where it goes, what it holds, what comes back.

use schemars::SchemaGenerator;

use crate::{
    AskHealth, AuditKey, Broadcast, ConsumeSession, CountEvents, CreateBroadcast, CreateSession, CreateUser,
    DeadMessage, DropDead, EndBroadcast, ErasePerson, Erased, EventCount, EventProof, EventsPage, GetAuditKey,
    GetBroadcast, GetCheckpoint, GetLedger, GetProof, GetRegistration, GetSession, GetTile, GetUser, IssueToken,
    IssuedToken, LedgerState, ListBroadcasts, ListDead, ListEvents, ListSessions, ManagedSession, NoteRefused, Page,
    RedriveDead, RegisterToken, Registration, RevokeSession, SessionConsumed, SessionCreated, SessionView, ShowSession,
    StartBroadcast, User, ValidateToken, Validation, VerifyWebhook, WorkerHealth,
    bus::{group, stream, subject},
    event::Shape,
    who::{AskWho, WhoPart},
};

/// How a message is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// By a NATS service of this name, which answers.
    Service(&'static str),
    /// By a stream of this name, which acknowledges that it is safe.
    Stream(&'static str),
}

/// A command or query, and what comes back.
pub(super) struct Exchange {
    pub(super) subject: &'static str,
    pub(super) through: Through,
    pub(super) about: &'static str,
    pub(super) asked: Shape,
    /// `None` where the answer has no body.
    pub(super) answered: Option<Shape>,
}

/// Declares them: subject, how it is received, what is asked `=>` what is answered, in a sentence.
macro_rules! exchanges {
    ($($subject:ident $through:ident::$name:ident($place:ident) $asked:ty => $($answered:ty)?, $about:literal;)*) => {
        vec![$(Exchange {
            subject: subject::$subject,
            through: Through::$name($through::$place),
            about: $about,
            asked: SchemaGenerator::subschema_for::<$asked>,
            answered: exchanges!(@ $($answered)?),
        },)*]
    };
    (@ $answered:ty) => { Some(SchemaGenerator::subschema_for::<$answered>) };
    (@) => { None };
}

/// All of them.
pub(super) fn exchanges() -> Vec<Exchange> {
    exchanges! {
        SESSION_CREATE group::Service(SESSION) CreateSession => SessionCreated,
            "Make a session and, unless it is a single-use link, its token";
        SESSION_CONSUME group::Service(SESSION) ConsumeSession => SessionConsumed,
            "Redeem a session: exactly one consumer wins";
        SESSION_REVOKE group::Service(SESSION) RevokeSession => , "Take a session back";
        SESSION_REGISTER group::Service(SESSION) RegisterToken => SessionCreated,
            "Keep a token that another server minted, for a caller who waits";
        TOKEN_REGISTER stream::Stream(INTAKE) RegisterToken => ,
            "Keep a token that another server minted; safe once the stream has acknowledged it";
        REGISTRATION_GET group::Service(SESSION) GetRegistration => Registration, "What became of a registration";
        LIVEKIT_VERIFY group::Service(SESSION) VerifyWebhook => , "Whether LiveKit signed a webhook";
        TOKEN_ISSUE group::Service(SESSION) IssueToken => IssuedToken, "Sign a token without a session";
        SESSION_GET group::Service(SESSION) GetSession => SessionView, "What a session lets into";
        SESSION_SHOW group::Service(SESSION) ShowSession => ManagedSession, "What a manager sees of one session";
        SESSION_LIST group::Service(SESSION) ListSessions => Page<ManagedSession>, "What a manager sees of many";
        SESSION_VALIDATE group::Service(SESSION) ValidateToken => Validation,
            "Whether a token is good, as far as signature, time and session go";
        SESSION_HEALTH group::Service(SESSION) AskHealth => WorkerHealth,
            "How the worker sees its database and LiveKit";
        SESSION_ERASE group::Service(SESSION) ErasePerson => Erased, "Forget what somebody was called";
        DEAD_LIST group::Service(SESSION) ListDead => Vec<DeadMessage>, "Messages that can never work, oldest first";
        DEAD_REDRIVE group::Service(SESSION) RedriveDead => , "Deliver one of them again";
        DEAD_DROP group::Service(SESSION) DropDead => , "Take one of them away for good";
        AUDIT_REFUSED group::Service(AUDIT) NoteRefused => , "What an edge has refused in about a minute";
        AUDIT_CHECKPOINT group::Service(AUDIT) GetCheckpoint => String,
            "The checkpoint that was signed last, as text (C2SP tlog-checkpoint)";
        AUDIT_KEY group::Service(AUDIT) GetAuditKey => AuditKey, "What checkpoints are signed with";
        AUDIT_TILE group::Service(AUDIT) GetTile => Vec<u8>, "A tile of hashes, as bytes (C2SP tlog-tiles)";
        AUDIT_PROOF group::Service(AUDIT) GetProof => EventProof, "That an event stands in the ledger";
        AUDIT_EVENTS group::Service(AUDIT) ListEvents => EventsPage, "Events in order, from the ledger";
        AUDIT_LEDGER group::Service(AUDIT) GetLedger => LedgerState, "Where the ledger stands";
        AUDIT_COUNTS group::Service(AUDIT) CountEvents => Page<EventCount>, "How much happened in each hour";
        AUDIT_WHO group::Service(AUDIT) AskWho => WhoPart, "Who could enter a room, who did, and who did without a token of ours";
        USER_CREATE group::Service(STUDIO) CreateUser => User, "Make a user";
        USER_GET group::Service(STUDIO) GetUser => User, "One user";
        BROADCAST_CREATE group::Service(STUDIO) CreateBroadcast => Broadcast, "Make a broadcast";
        BROADCAST_START group::Service(STUDIO) StartBroadcast => Broadcast, "A broadcast goes live";
        BROADCAST_END group::Service(STUDIO) EndBroadcast => Broadcast, "A broadcast is over";
        BROADCAST_GET group::Service(STUDIO) GetBroadcast => Broadcast, "One broadcast";
        BROADCAST_LIST group::Service(STUDIO) ListBroadcasts => Page<Broadcast>, "Many broadcasts, newest first";
    }
}
