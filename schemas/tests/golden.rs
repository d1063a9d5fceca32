//! One file per message and version. When this fails, the code is wrong and not the file: somebody out there reads
//! and writes exactly this. A new message gets its file with `UPDATE_GOLDEN=1 cargo test -p avanzacast-schemas`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use std::path::PathBuf;

use avanzacast_schemas::{
    Actor, ActorKind, CachedSession, CachedState, Check, CheckStatus, Checks, Code, ConsumeSession, CreateSession,
    Envelope, Event, GetSession, Grants, IssueToken, IssuedToken, ListSessions, ManagedSession, Page, ParticipantId,
    Refusal, RegisterToken, ResumeKey, RevokeSession, Role, SOURCE, SessionConsumed, SessionConsumedEvent,
    SessionCreated, SessionCreatedEvent, SessionExpiredEvent, SessionId, SessionRevokedEvent, SessionState,
    SessionView, ShowSession, TokenIssued, TokenOrigin, TokenRefused, TokenRegistered, TokenReissued, ValidateToken,
    Validation, WorkerHealth,
};
use golden_file::check;
use serde_json::Value;

const TIME: &str = "2026-02-02T02:40:00.007Z";
const BROADCAST: &str = "019c1c3f-0000-7000-8000-000000000009";
const LATER: &str = "2026-02-02T02:45:00.007Z";

fn id() -> SessionId {
    SessionId::try_from("9f1c2d3e-0000-4000-8000-000000000001".to_owned()).unwrap()
}

fn participant() -> ParticipantId {
    id().participant()
}

fn resume_key() -> ResumeKey {
    ResumeKey::try_from("k".repeat(43)).unwrap()
}

fn text<T: TryFrom<String>>(value: &str) -> T {
    T::try_from(value.to_owned()).ok().unwrap()
}

#[test]
fn commands() {
    let (room, username) = (text("demo"), text("Ana"));
    let minimal: CreateSession = serde_json::from_str(r#"{"room":"demo","username":"Ana","unknown":1}"#).unwrap();
    let full = CreateSession {
        room,
        username,
        ttl: Some(300.try_into().unwrap()),
        role: Role::Guest,
        single_use: false,
        broadcast_id: None,
    };
    assert_eq!(minimal, CreateSession { ttl: None, ..full.clone() });
    check("cmd.session.create.1", &full);
    let broadcast_id = Some(BROADCAST.parse().unwrap());
    check("cmd.session.create-broadcast.1", &CreateSession { broadcast_id, ..full });
    check("cmd.session.revoke.1", &RevokeSession { id: id() });
    check("cmd.token.issue.1", &IssueToken { room: text("demo"), username: text("Ana") });
    check("qry.session.show.1", &ShowSession { id: id() });
    let list =
        ListSessions { room: Some(text("demo")), state: Some(SessionState::Open), limit: Some(50), ..<_>::default() };
    check("qry.session.list.1", &list);
    check("qry.session.validate.1", &ValidateToken { token: "header.payload.signature".to_owned() });
    check("cmd.session.consume.1", &ConsumeSession { id: id(), resume_key: resume_key() });
    check("qry.session.get.1", &GetSession { id: id() });
    let register = RegisterToken {
        session_id: id(),
        token: "header.payload.signature".to_owned(),
        room: Some(text("demo")),
        username: Some(text("Ana")),
        ttl: Some(300.try_into().unwrap()),
        created_by: None,
        single_use: false,
    };
    let read: RegisterToken = serde_json::from_str(include_str!("../golden/cmd.token.register.1.json")).unwrap();
    assert_eq!(read, register);
    check("cmd.session.register.1", &RegisterToken { created_by: Some(7), single_use: true, ..register.clone() });
    assert!(!format!("{register:?}").contains("payload"), "a token is not printed by accident");
    check("header.actor.1", &Actor { kind: ActorKind::Key, name: Some("panel".to_owned()) });
}

#[test]
fn replies() {
    let created = SessionCreated {
        id: id(),
        studio_url: "https://studio.example/1".to_owned(),
        redirect_url: "https://panel.example/1".to_owned(),
        ttl_seconds: 300,
        expires_at: LATER.to_owned(),
    };
    check("reply.session.created.1", &created);
    let view = SessionView {
        id: id(),
        token: Some("t".to_owned()),
        url: Some("wss://livekit.example".to_owned()),
        room: text("demo"),
        username: "Ana".to_owned(),
        ttl_seconds: 300,
        expires_at: LATER.to_owned(),
    };
    check("reply.session.view.1", &view);
    check("reply.session.view-single-use.1", &SessionView { token: None, url: None, ..view.clone() });
    let consumed = SessionConsumed {
        id: id(),
        token: "t".to_owned(),
        url: "wss://livekit.example".to_owned(),
        server_url: "wss://livekit.example".to_owned(),
        participant_token: "t".to_owned(),
        room: text("demo"),
        username: "Ana".to_owned(),
        ttl_seconds: 300,
        expires_at: LATER.to_owned(),
        token_expires_at: LATER.to_owned(),
        consumed_at: TIME.to_owned(),
        resume_key: resume_key(),
    };
    check("reply.session.consumed.1", &consumed);
    let managed = ManagedSession {
        id: id(),
        room: text("demo"),
        username: "Ana".to_owned(),
        role: Role::Guest,
        state: SessionState::Consumed,
        single_use: true,
        broadcast_id: Some(BROADCAST.parse().unwrap()),
        created_at: TIME.to_owned(),
        expires_at: LATER.to_owned(),
        consumed_at: Some(TIME.to_owned()),
    };
    check("reply.session.list.1", &Page { items: vec![managed], next: Some("cursor".to_owned()) });
    let issued = IssuedToken {
        token: "t".to_owned(),
        url: "wss://livekit.example".to_owned(),
        room: text("demo"),
        username: text("Ana"),
        ttl_seconds: 300,
    };
    check("reply.token.issued.1", &issued);
    let checks = Checks { signature: Check::Ok, expiry: Check::Ok, session: Check::Failed, livekit: Check::Skipped };
    check(
        "reply.session.validation.1",
        &Validation { valid: false, reason: Some("session_revoked".to_owned()), checks },
    );
    check("reply.session.health.1", &WorkerHealth { database: CheckStatus::Ok, livekit: CheckStatus::Down });
    check("inbox.refusal.1", &Refusal::from(Code::SessionExpired));
    let open = CachedSession { state: CachedState::Open, until: 1_770_000_300_007, answer: Some(view) };
    check("cache.session.open.1", &open);
    let ended = CachedSession::<Value> { state: CachedState::Consumed, until: 1_770_000_300_007, answer: None };
    check("cache.session.consumed.1", &ended);
}

fn event(event: &Event) {
    let envelope = Envelope {
        specversion: "1.0",
        id: "019c1c3f-0000-7000-8000-000000000001",
        source: SOURCE,
        kind: event.kind(),
        time: TIME,
        datacontenttype: "application/json",
        dataschema: event.schema(),
        ledgerseq: "1",
        data: event,
    };
    check(&format!("evt.{}.1", event.kind()), &envelope);
}

#[test]
fn events() {
    let (actor, room) = (Actor::of(ActorKind::Anonymous), text::<avanzacast_schemas::RoomName>("demo"));
    let hash = "ab".repeat(32);
    event(&Event::SessionCreated(SessionCreatedEvent {
        actor: actor.clone(),
        participant: participant(),
        room: room.clone(),
        role: Role::Guest,
        name_hash: hash.clone(),
        ttl_seconds: 86_400,
        expires_at: LATER.to_owned(),
        broadcast_id: None,
    }));
    event(&Event::TokenRegistered(TokenRegistered {
        actor: actor.clone(),
        participant: participant(),
        room: room.clone(),
        role: Some(Role::Guest),
        origin: TokenOrigin::Minted,
        issuer: "APIkey".to_owned(),
        jti: Some("019c1c3f-0000-4000-8000-000000000002".to_owned()),
        fingerprint: hash.clone(),
        grants: Grants { room_join: true, can_publish: true, can_subscribe: true, can_publish_data: true },
        name_hash: hash.clone(),
        identity_hash: Some(hash.clone()),
        expires_at: LATER.to_owned(),
        token_expires_at: LATER.to_owned(),
        created_by: None,
        single_use: None,
        broadcast_id: None,
    }));
    event(&Event::TokenIssued(TokenIssued {
        actor: actor.clone(),
        room: room.clone(),
        issuer: "APIkey".to_owned(),
        jti: "019c1c3f-0000-4000-8000-000000000004".to_owned(),
        fingerprint: hash.clone(),
        grants: Grants { room_join: true, can_publish: true, can_subscribe: true, can_publish_data: true },
        identity_hash: hash.clone(),
        token_expires_at: LATER.to_owned(),
    }));
    event(&Event::SessionRevoked(SessionRevokedEvent {
        actor: Actor { kind: ActorKind::Key, name: Some("panel".to_owned()) },
        participant: participant(),
        room: room.clone(),
        token_expires_at: Some(LATER.to_owned()),
        revoked_at: TIME.to_owned(),
    }));
    event(&Event::TokenRefused(TokenRefused {
        actor: Actor::of(ActorKind::Bus),
        participant: participant(),
        fingerprint: hash.clone(),
        code: Code::TokenInvalid.word().to_owned(),
    }));
    event(&Event::TokenReissued(TokenReissued {
        actor: Actor::of(ActorKind::Holder),
        participant: participant(),
        room: room.clone(),
        jti: "019c1c3f-0000-4000-8000-000000000003".to_owned(),
        fingerprint: hash,
        token_expires_at: LATER.to_owned(),
    }));
    event(&Event::SessionConsumed(SessionConsumedEvent {
        actor: Actor::of(ActorKind::Holder),
        participant: participant(),
        room: room.clone(),
        consumed_at: TIME.to_owned(),
        resume_until: LATER.to_owned(),
    }));
    event(&Event::SessionExpired(SessionExpiredEvent {
        actor: Actor::of(ActorKind::Sweep),
        participant: participant(),
        room,
        expired_at: LATER.to_owned(),
    }));
    for kind in Event::KINDS {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("evt.{kind}.1.json"));
        assert!(path.exists(), "{kind} has no golden file");
    }
}
