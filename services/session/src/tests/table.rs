//! The table of session states: what each kind of session answers to a look, a consume and a revocation.

use avanzacast_schemas::{
    Actor, ActorKind, Code, CreateSession, IssueToken, RevokeSession, Role, RoomName, SessionId, Username,
};
use avanzacast_worker::Service;
use uuid::Uuid;

use super::{Command, SECOND, World, create, get};
use crate::state::{Session, State};

/// What can be done with a session, and to what effect: `None` is success.
struct Row {
    name: &'static str,
    make: fn(&mut World) -> SessionId,
    look: Option<Code>,
    consume: Option<Code>,
    revoke: Option<Code>,
}

const BROADCAST: Uuid = Uuid::from_u128(9);

fn of_broadcast(world: &mut World, over: bool) -> SessionId {
    let id = world.create(false);
    let session = world.sessions.get(&id).unwrap().clone();
    world.sessions.update(Session { broadcast: Some(BROADCAST), broadcast_over: over, ..session });
    id
}

fn revoke(world: &mut World, id: &SessionId) -> (Result<(), Code>, usize) {
    let command = Command::Revoke(RevokeSession { id: id.clone() }, Actor::of(ActorKind::Key));
    let decision = world.decide(&command);
    let events = decision.events.len();
    (decision.outcome.map(drop).map_err(|refusal| refusal.code), events)
}

const OPEN: fn(&mut World) -> SessionId = |world| world.create(false);
const CONSUMED: fn(&mut World) -> SessionId = |world| {
    let id = world.create(true);
    world.consume(&id, 'a').unwrap();
    id
};

fn rows() -> Vec<Row> {
    use Code::*;
    let row = |name, make, look, consume, revoke| Row { name, make, look, consume, revoke };
    vec![
        row("open", OPEN, None, None, None),
        row("of a broadcast", |world| of_broadcast(world, false), None, None, None),
        row(
            "revoked",
            |world| {
                let id = OPEN(world);
                revoke(world, &id).0.unwrap();
                id
            },
            Some(SessionRevoked),
            Some(SessionRevoked),
            None,
        ),
        row(
            "revoked, of an ended broadcast",
            |world| {
                let id = of_broadcast(world, true);
                revoke(world, &id).0.unwrap();
                id
            },
            Some(SessionRevoked),
            Some(SessionRevoked),
            None,
        ),
        row(
            "of an ended broadcast",
            |world| of_broadcast(world, true),
            Some(SessionBroadcastOver),
            Some(SessionBroadcastOver),
            None,
        ),
        row("consumed, with the consumer's key", CONSUMED, Some(SessionConsumed), None, None),
        row(
            "the same, window over",
            |world| {
                let id = CONSUMED(world);
                world.now += 43_200 * SECOND;
                id
            },
            Some(SessionConsumed),
            Some(SessionExpired),
            Some(SessionExpired),
        ),
        row(
            "past its end",
            |world| {
                let id = OPEN(world);
                world.now += 300 * SECOND;
                id
            },
            Some(SessionExpired),
            Some(SessionExpired),
            Some(SessionExpired),
        ),
        row(
            "past its end, and swept",
            |world| {
                let id = OPEN(world);
                let session = world.sessions.get(&id).unwrap().clone();
                world.sessions.update(Session { state: State::Expired, ..session });
                world.now += 300 * SECOND;
                id
            },
            Some(SessionExpired),
            Some(SessionExpired),
            Some(SessionExpired),
        ),
    ]
}

#[test]
fn every_state_answers_as_the_contract_says() {
    for Row { name, make, look, consume, revoke: revoked } in rows() {
        let prepared = || {
            let mut world = World::new();
            let id = make(&mut world);
            (world, id)
        };
        let (world, id) = prepared();
        let seen = world.service.look(&world.sessions, &get(&id), world.now);
        assert_eq!(seen.err().map(|refusal| refusal.code), look, "{name}: look");
        let (mut world, id) = prepared();
        assert_eq!(world.consume(&id, 'a').err(), consume, "{name}: consume");
        let (mut world, id) = prepared();
        assert_eq!(revoke(&mut world, &id).0.err(), revoked, "{name}: revoke");
    }
}

#[test]
fn a_stranger_hears_that_somebody_was_first_whenever_they_come() {
    let mut world = World::new();
    let id = CONSUMED(&mut world);
    for later in [0, 90_000 * SECOND, 90_000_000 * SECOND] {
        world.now += later;
        assert_eq!(world.consume(&id, 'b').unwrap_err(), Code::SessionTaken);
    }
}

#[test]
fn a_second_revocation_is_no_second_event() {
    let mut world = World::new();
    let id = world.create(false);
    assert_eq!(revoke(&mut world, &id), (Ok(()), 1));
    assert_eq!(revoke(&mut world, &id), (Ok(()), 0));
}

#[test]
fn nobody_gets_a_token_for_the_room_of_a_broadcast_that_is_over() {
    let room = RoomName::of_broadcast(BROADCAST);
    let session = |actor: ActorKind| {
        let Command::Create(new, actor) = create(false, None, Role::Guest, actor) else { unreachable!() };
        Command::Create(CreateSession { room: room.clone(), ..new }, actor)
    };
    let username = Username::try_from("Ana".to_owned()).unwrap();
    let token = Command::Issue(IssueToken { room: room.clone(), username }, Actor::of(ActorKind::Key));
    for command in [session(ActorKind::Key), token] {
        let mut world = World::new();
        assert_eq!(world.service.keys(&command), [BROADCAST.to_string()], "its status is read with the rest");
        let code = |world: &mut World| world.decide(&command).outcome.err().map(|refusal| refusal.code);
        assert_eq!(code(&mut world), None, "a room of that name, and no broadcast");
        world.sessions.insert_broadcast(BROADCAST, false);
        assert_eq!(code(&mut world), None);
        world.sessions.insert_broadcast(BROADCAST, true);
        assert_eq!(code(&mut world), Some(Code::BroadcastOver));
    }
    let mut world = World::new();
    world.sessions.insert_broadcast(BROADCAST, true);
    let stranger = world.decide(&session(ActorKind::Anonymous)).outcome.unwrap_err();
    assert_eq!(stranger.code, Code::RoomReserved, "who may not go there learns nothing about it");
}

#[test]
fn a_broadcasts_session_needs_a_broadcast_that_goes_on() {
    let mut world = World::new();
    let Command::Create(mut new, _) = create(false, None, avanzacast_schemas::Role::Guest, ActorKind::Key) else {
        unreachable!()
    };
    new.broadcast_id = Some(BROADCAST);
    let command = Command::Create(new, Actor::of(ActorKind::Key));
    let code = |world: &mut World| world.decide(&command).outcome.err().map(|refusal| refusal.code);
    assert_eq!(code(&mut world), Some(Code::BroadcastNotFound));
    world.sessions.insert_broadcast(BROADCAST, true);
    assert_eq!(code(&mut world), Some(Code::BroadcastOver));
    world.sessions.insert_broadcast(BROADCAST, false);
    assert_eq!(code(&mut world), None);
}
