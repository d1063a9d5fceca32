//! Tokens without a session, tokens from outside, and what is said about any token.

use avanzacast_schemas::{
    Actor, ActorKind, Check, Code, IssueToken, RegisterToken, RevokeSession, SessionId, ValidateToken, Validation,
};
use avanzacast_worker::{Find, Service};

use super::{Command, NOON, Query, SECOND, World, claims, foreign};
use crate::queries::validate::Examined;

fn issue(room: &str, username: &str, actor: ActorKind) -> Command {
    let (room, username) = (room.to_owned().try_into().unwrap(), username.to_owned().try_into().unwrap());
    Command::Issue(IssueToken { room, username }, Actor::of(actor))
}

#[test]
fn a_token_without_a_session_is_for_the_name_itself_and_leaves_no_name_in_the_ledger() {
    let mut world = World::new();
    let command = issue("demo", "Ana", ActorKind::Anonymous);
    let decision = world.decide(&command);
    let text = serde_json::to_string(&decision.events).unwrap();
    assert!(text.contains("identityHash") && !text.contains("Ana"), "{text}");
    let answer = world.service.answer(&world.sessions, &command, &decision.outcome.unwrap(), true).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&answer.reply.body).unwrap();
    assert_eq!(claims(body["token"].as_str().unwrap())["sub"], "Ana");
    assert_eq!(body["ttlSeconds"], 300);
}

#[test]
fn a_token_without_a_session_cannot_pass_for_a_participant_or_enter_a_broadcast() {
    let mut world = World::new();
    for (room, username, actor, code) in [
        ("demo", "p_abcdefghijklmnopqrstuvwxyz", ActorKind::Key, Some(Code::Malformed)),
        ("broadcast-1", "Ana", ActorKind::Anonymous, Some(Code::RoomReserved)),
        ("broadcast-1", "Ana", ActorKind::Key, None),
    ] {
        let outcome = world.decide(&issue(room, username, actor)).outcome;
        assert_eq!(outcome.err().map(|refusal| refusal.code), code, "{room} {username}");
    }
}

fn registration(token: &str) -> RegisterToken {
    RegisterToken {
        session_id: SessionId::try_from("outside".to_owned()).unwrap(),
        token: token.to_owned(),
        room: None,
        username: None,
        ttl: None,
        created_by: None,
        single_use: false,
    }
}

#[test]
fn a_registration_must_say_what_its_token_says() {
    let token = foreign(NOON / SECOND + 60);
    let with = |room: Option<&str>, username: Option<&str>| {
        let mut registration = registration(&token);
        registration.room = room.map(|room| room.to_owned().try_into().unwrap());
        registration.username = username.map(|name| name.to_owned().try_into().unwrap());
        let actor = Actor { kind: ActorKind::Key, name: Some("panel".to_owned()) };
        World::new().decide(&Command::Register(registration, Some(actor))).outcome.is_ok()
    };
    for (room, username, taken) in [
        (Some("theirs"), Some("Bob"), true),
        (None, Some("bob"), true),
        (Some("mine"), None, false),
        (None, Some("Ana"), false),
    ] {
        assert_eq!(with(room, username), taken, "{room:?} {username:?}");
    }
}

#[test]
fn a_registered_link_hides_its_token_until_it_is_consumed() {
    let mut world = World::new();
    let token = foreign(NOON / SECOND + 60);
    let command = Command::Register(RegisterToken { single_use: true, ..registration(&token) }, None);
    let record = world.decide(&command).outcome.unwrap();
    let answer = world.service.answer(&world.sessions, &command, &record, true).unwrap();
    assert_eq!(answer.reply.status, 201);
    let id = SessionId::try_from("outside".to_owned()).unwrap();
    let seen = world.service.look(&world.sessions, &super::get(&id), world.now).unwrap();
    assert!(!String::from_utf8_lossy(&seen.reply.body).contains(&token));
    let again = world.decide(&command).outcome.unwrap();
    assert_eq!(world.service.answer(&world.sessions, &command, &again, true).unwrap().reply.status, 200);
    assert_eq!(world.consume(&id, 'a').unwrap().0.token, token);
}

/// What is said of a token about which nothing is stored.
fn judged(world: &World, token: &str, now: i64) -> Validation {
    let query = Query::Validate(Examined::new(&ValidateToken { token: token.to_owned() }, &world.verifier()));
    let answer = match world.service.find(&query) {
        Find::Rows(_) => world.service.look(&world.sessions, &query, now),
        Find::Page { .. } => world.service.page("[]", &query, now),
    };
    serde_json::from_slice(&answer.unwrap().reply.body).unwrap()
}

#[test]
fn a_token_is_judged_by_signature_then_time() {
    let world = World::new();
    let token = foreign(NOON / SECOND + 60);
    let good = judged(&world, &token, NOON);
    assert!(good.valid && good.checks.session == Check::Unknown && good.checks.livekit == Check::Unknown, "{good:?}");
    let late = judged(&world, &token, NOON + 60 * SECOND);
    assert_eq!((late.valid, late.reason.as_deref()), (false, Some("token_expired")));
    assert_eq!((late.checks.signature, late.checks.expiry), (Check::Ok, Check::Failed));
    let early = judged(&world, &token, NOON - 61 * SECOND);
    assert_eq!(early.reason.as_deref(), Some("token_not_yet_valid"));
    for forged in ["", "jwt..", &token.replace('.', "-"), &token[..token.len() - 4]] {
        let forged = judged(&world, forged, NOON);
        assert_eq!(
            (forged.valid, forged.checks.signature, forged.checks.livekit),
            (false, Check::Failed, Check::Skipped)
        );
    }
}

#[test]
fn a_revocation_is_the_same_whoever_repeats_it() {
    let mut world = World::new();
    let id = world.create(false);
    let command = Command::Revoke(RevokeSession { id }, Actor::of(ActorKind::Key));
    for first in [true, false] {
        let record = world.decide(&command).outcome.unwrap();
        let answer = world.service.answer(&world.sessions, &command, &record, first).unwrap();
        assert_eq!((answer.reply.status, answer.reply.body.len()), (204, 0));
        assert!(!answer.cache.is_empty(), "the cache hears of it each time");
    }
}
