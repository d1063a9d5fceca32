//! The decisions, without a database, a bus or a clock.

mod registration;
mod table;
mod tokens;

use avanzacast_kit::{
    Secret,
    config::{Links, LiveKitConfig, Mode, SessionLimits, Variables},
};
use avanzacast_livekit::{Bearer, Minter, Stamp, Verifier};
use avanzacast_schemas::{
    Actor, ActorKind, Code, ConsumeSession, CreateSession, Event, GetSession, RegisterToken, ResumeKey, Role,
    SessionConsumed, SessionCreated, SessionId, Ttl,
};
use avanzacast_worker::{Decision, Moment, Service, Sweeps};
use rand::{SeedableRng, rngs::StdRng};

use crate::{Command, Query, Rules, SessionService, state::Sessions};

/// Noon of some day, Unix milliseconds.
const NOON: i64 = 1_770_000_000_000;
const SECOND: i64 = 1000;

fn livekit() -> LiveKitConfig {
    LiveKitConfig {
        key: "APIours".to_owned(),
        secret: Secret::new("0123456789abcdef0123456789abcdef"),
        ws_url: "wss://livekit.test".to_owned(),
        http_url: "https://livekit.test".to_owned(),
        verify_keys: Vec::new(),
        takes_anything: false,
    }
}

struct World {
    service: SessionService,
    sessions: Sessions,
    random: StdRng,
    now: i64,
}

impl World {
    fn new() -> Self {
        let links = Links::read(&mut Variables::from_map([].into()), Mode::Development, 4000);
        let service = SessionService::new(Rules::new(&livekit(), SessionLimits::default(), links));
        Self { service, sessions: Sessions::default(), random: StdRng::seed_from_u64(7), now: NOON }
    }

    fn decide(&mut self, command: &Command) -> Decision {
        let mut moment = Moment { now: self.now, random: &mut self.random };
        self.service.decide(&mut self.sessions, command, &mut moment)
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(&livekit())
    }

    fn create(&mut self, single_use: bool) -> SessionId {
        let command = create(single_use, None, Role::Guest, ActorKind::Anonymous);
        let record = self.decide(&command).outcome.unwrap();
        let answer = self.service.answer(&self.sessions, &command, &record, true).unwrap();
        let created: SessionCreated = serde_json::from_slice(&answer.reply.body).unwrap();
        created.id
    }

    fn consume(&mut self, id: &SessionId, key: char) -> Result<(SessionConsumed, Vec<&'static str>), Code> {
        let resume_key = ResumeKey::try_from(key.to_string().repeat(32)).unwrap();
        let command = Command::Consume(ConsumeSession { id: id.clone(), resume_key }, Actor::of(ActorKind::Holder));
        let Decision { events, outcome } = self.decide(&command);
        let kinds = events.iter().map(Event::kind).collect();
        let record = outcome.map_err(|refusal| refusal.code)?;
        let first = self.service.answer(&self.sessions, &command, &record, true).unwrap();
        let again = self.service.answer(&self.sessions, &command, &record, false).unwrap();
        assert_eq!(first.reply, again.reply, "a repeated answer is the same, byte for byte");
        Ok((serde_json::from_slice(&first.reply.body).unwrap(), kinds))
    }
}

fn create(single_use: bool, ttl: Option<u32>, role: Role, actor: ActorKind) -> Command {
    let ttl = ttl.map(|ttl| Ttl::try_from(ttl).unwrap());
    let (room, username) = ("demo".to_owned().try_into().unwrap(), "Ana".to_owned().try_into().unwrap());
    Command::Create(CreateSession { room, username, ttl, role, single_use, broadcast_id: None }, Actor::of(actor))
}

fn get(id: &SessionId) -> Query {
    Query::Get(GetSession { id: id.clone() })
}

fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_plain_session_has_its_token_from_the_start_and_gives_that_one_to_its_consumer() {
    let mut world = World::new();
    let Decision { events, .. } = world.decide(&create(false, None, Role::Guest, ActorKind::Anonymous));
    assert_eq!(events.iter().map(Event::kind).collect::<Vec<_>>(), ["token.registered"]);
    let id = world.create(false);
    let stamp = world.sessions.get(&id).unwrap().stamp.clone().unwrap();
    let (consumed, kinds) = world.consume(&id, 'a').unwrap();
    assert_eq!(kinds, ["session.consumed"]);
    assert_eq!(claims(&consumed.token)["jti"], stamp.jti);
    assert_eq!(claims(&consumed.token)["sub"], id.participant().as_str());
}

#[test]
fn a_single_use_link_has_no_token_before_its_consume() {
    let mut world = World::new();
    let id = world.create(true);
    assert_eq!(world.sessions.get(&id).unwrap().stamp, None);
    world.now += 3600 * SECOND;
    let (consumed, kinds) = world.consume(&id, 'a').unwrap();
    assert_eq!(kinds, ["token.registered", "session.consumed"]);
    assert_eq!(claims(&consumed.token)["exp"], (world.now / SECOND) + 300);
}

#[test]
fn the_consumer_comes_back_with_its_key_and_nobody_else_does() {
    let mut world = World::new();
    let id = world.create(true);
    let (first, _) = world.consume(&id, 'a').unwrap();
    assert_eq!(world.consume(&id, 'b').unwrap_err(), Code::SessionTaken);
    world.now += 3600 * SECOND;
    let (again, kinds) = world.consume(&id, 'a').unwrap();
    assert_eq!(kinds, ["token.reissued"]);
    assert_eq!(claims(&first.token)["sub"], claims(&again.token)["sub"]);
    assert_ne!(claims(&first.token)["jti"], claims(&again.token)["jti"]);
    assert_eq!(first.consumed_at, again.consumed_at);
    // Long past its ttl, a stranger still hears that somebody was first.
    world.now += 30 * 24 * 3600 * SECOND;
    assert_eq!(world.consume(&id, 'b').unwrap_err(), Code::SessionTaken);
    assert_eq!(world.consume(&id, 'a').unwrap_err(), Code::SessionExpired);
}

#[test]
fn the_resume_window_closes_to_the_millisecond() {
    let mut world = World::new();
    let id = world.create(false);
    world.consume(&id, 'a').unwrap();
    world.now = NOON + 43_200 * SECOND - 1;
    assert!(world.consume(&id, 'a').is_ok());
    world.now += 1;
    assert_eq!(world.consume(&id, 'a').unwrap_err(), Code::SessionExpired);
}

#[test]
fn a_session_runs_out_to_the_millisecond_and_the_sweep_says_so_once() {
    let mut world = World::new();
    let id = world.create(false);
    world.now = NOON + 300 * SECOND - 1;
    assert!(world.service.look(&world.sessions, &get(&id), world.now).is_ok());
    assert!(
        world
            .service
            .expire(&mut world.sessions, &mut Moment { now: world.now, random: &mut world.random })
            .0
            .is_empty()
    );
    world.now += 1;
    let refusal = world.service.look(&world.sessions, &get(&id), world.now).unwrap_err();
    assert_eq!(refusal.code, Code::SessionExpired);
    assert_eq!(world.consume(&id, 'a').unwrap_err(), Code::SessionExpired);
    for expected in [1, 0] {
        let mut moment = Moment { now: world.now, random: &mut world.random };
        assert_eq!(world.service.expire(&mut world.sessions, &mut moment).0.len(), expected);
    }
}

#[test]
fn unknown_sessions_and_revoked_ones_are_told_apart() {
    let mut world = World::new();
    let unknown = SessionId::try_from("unknown".to_owned()).unwrap();
    assert_eq!(world.consume(&unknown, 'a').unwrap_err(), Code::SessionNotFound);
    let id = world.create(false);
    world.consume(&id, 'a').unwrap();
    let mut session = world.sessions.get(&id).unwrap().clone();
    session.state = crate::state::State::Revoked;
    world.sessions.update(session);
    assert_eq!(world.consume(&id, 'a').unwrap_err(), Code::SessionRevoked);
}

#[test]
fn a_ttl_has_limits_that_differ_for_links() {
    let mut world = World::new();
    for (single_use, ttl, granted) in
        [(false, 86_400, true), (false, 86_401, false), (true, 2_592_000, true), (true, 2_592_001, false)]
    {
        let decision = world.decide(&create(single_use, Some(ttl), Role::Guest, ActorKind::Anonymous));
        assert_eq!(decision.outcome.is_ok(), granted, "{single_use} {ttl}");
    }
}

#[test]
fn without_a_credential_some_roles_and_rooms_are_closed() {
    let mut world = World::new();
    for (role, actor, expected) in [
        (Role::Viewer, ActorKind::Anonymous, None),
        (Role::Host, ActorKind::Anonymous, Some(Code::CredentialRequired)),
        (Role::Cohost, ActorKind::Holder, Some(Code::CredentialRequired)),
        (Role::Host, ActorKind::Key, None),
    ] {
        let decision = world.decide(&create(false, None, role, actor));
        assert_eq!(decision.outcome.err().map(|refusal| refusal.code), expected, "{role:?} {actor:?}");
    }
}

fn foreign(exp: i64) -> String {
    let stamp = Stamp { jti: "any".to_owned(), nbf: NOON / SECOND, exp };
    let bearer = Bearer { identity: "bob", name: "Bob", room: "theirs", role: Role::Guest };
    Minter::new(&livekit().key, &livekit().secret).mint(bearer, &stamp).unwrap()
}

fn register(id: &str, token: &str) -> Command {
    let session_id = SessionId::try_from(id.to_owned()).unwrap();
    Command::Register(
        RegisterToken {
            session_id,
            token: token.to_owned(),
            room: None,
            username: None,
            ttl: None,
            created_by: None,
            single_use: false,
        },
        None,
    )
}

#[test]
fn a_registered_token_becomes_a_session_for_no_longer_than_it_lives() {
    let mut world = World::new();
    let token = foreign(NOON / SECOND + 60);
    let Decision { events, outcome } = world.decide(&register("from-outside", &token));
    assert!(outcome.is_ok());
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("bob") && !text.contains("Bob") && !text.contains(&token), "{text}");
    let id = SessionId::try_from("from-outside".to_owned()).unwrap();
    assert_eq!(world.sessions.get(&id).unwrap().ttl, 60);
    assert_eq!(world.consume(&id, 'a').unwrap().0.token, token);
    let (again, kinds) = world.consume(&id, 'a').unwrap();
    assert_eq!((again.token, kinds.len()), (token.clone(), 0));
    world.now += 60 * SECOND;
    assert_eq!(world.consume(&id, 'a').unwrap_err(), Code::SessionExpired);
}

#[test]
fn a_registration_is_refused_in_the_ledger_too() {
    let mut world = World::new();
    let token = foreign(NOON / SECOND + 60);
    world.decide(&register("from-outside", &token));
    assert!(world.decide(&register("from-outside", &token)).events.is_empty(), "the same again is nothing new");
    for (id, token, code) in [
        ("from-outside", foreign(NOON / SECOND + 61), Code::SessionExists),
        ("another", foreign(NOON / SECOND), Code::TokenInvalid),
        ("another", "jwt..".to_owned(), Code::TokenInvalid),
    ] {
        let Decision { events, outcome } = world.decide(&register(id, &token));
        assert_eq!(outcome.unwrap_err().code, code);
        assert_eq!(events.iter().map(Event::kind).collect::<Vec<_>>(), ["token.refused"]);
        let Command::Register(over_http, _) = register(id, &token) else { unreachable!() };
        let actor = Actor { kind: ActorKind::Key, name: Some("panel".to_owned()) };
        let Decision { events, outcome } = world.decide(&Command::Register(over_http, Some(actor)));
        assert_eq!((outcome.unwrap_err().code, events.len()), (code, 0), "a flood over HTTP is no flood of events");
    }
}
