//! The contract, and nothing else: commands, replies, events, refusals, and the names of everything on the bus.
//!
//! A value that parsed is a value that may be used: [`RoomName`], [`Ttl`] and their like cannot hold a bad one, so
//! every check of shape happens here, once, for the edge, the workers and whoever else speaks JSON with us.

mod actor;
mod asked;
mod audit;
mod broadcast;
pub mod bus;
mod cache;
pub mod command_id;
mod dead;
pub mod described;
mod event;
mod ledger;
mod livekit;
mod managed;
mod moment;
mod names;
mod page;
mod presence;
mod refusal;
mod registration;
mod session;
mod token;
mod token_source;
mod user;
mod validation;
pub mod who;

pub use actor::{Actor, ActorKind};
pub use asked::EventTypes;
pub use audit::{
    AuditKey, ErasePerson, Erased, EventFilter, EventProof, EventsPage, GetAuditKey, GetCheckpoint, GetProof, GetTile,
    LedgerArchived, LedgerGap, ListEvents, NoteRefused, PersonErased, PersonExpired, RefusedCount, RequestsRefused,
    Whom,
};
pub use broadcast::{
    Broadcast, BroadcastCreated, BroadcastEnded, BroadcastStarted, BroadcastStatus, CreateBroadcast, Description,
    EndBroadcast, GetBroadcast, ListBroadcasts, StartBroadcast, Title,
};
pub use cache::{CachedSession, CachedState};
pub use dead::{DeadMessage, DropDead, ListDead, RedriveDead};
pub use event::{Envelope, Event, SOURCE};
pub use ledger::{CountEvents, EventCount, GetLedger, LedgerState, SignedState};
pub use livekit::{VerifyWebhook, Webhook, WebhookKind, WebhookParticipant, WebhookRoom};
pub use managed::{ListSessions, ManagedSession, RevokeSession, SessionState, ShowSession};
pub use moment::Moment;
pub use names::{
    Identity, Invalid, ParticipantId, ResumeKey, Role, RoomName, SessionId, Ttl, Username, broadcast_of,
    reserved_for_broadcasts,
};
pub use page::{PAGE_DEFAULT, PAGE_MAX, Page, bad_cursor, cursor_of, page_limit, place_of};
pub use presence::{
    ParticipantJoined, ParticipantLeft, ParticipantUnknown, PresenceGap, PresenceSource, RoomFinished, RoomStarted,
};
pub use refusal::{Code, Refusal};
pub use registration::{GetRegistration, Registration, RegistrationState};
pub use session::{
    AskHealth, CheckStatus, ConsumeSession, CreateSession, GetSession, NewBroadcastSession, NewSession,
    SessionConsumed, SessionCreated, SessionView, SessionWithToken, WorkerHealth,
};
pub use token::{
    Grants, IssueToken, IssuedToken, RegisterToken, SessionConsumedEvent, SessionCreatedEvent, SessionExpiredEvent,
    SessionRevokedEvent, TokenIssued, TokenOrigin, TokenRefused, TokenRegistered, TokenReissued,
};
pub use token_source::{ConnectionDetails, ConnectionDetailsQuery, TokenSourceAnswer, TokenSourceRequest};
pub use user::{CreateUser, DisplayName, Email, GetUser, User, UserCreated};
pub use validation::{Check, Checks, ValidateToken, Validation};
