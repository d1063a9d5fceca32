//! What is said of a registration, and to whom.

use avanzacast_kit::bus::Delivery;
use avanzacast_schemas::{Code, GetRegistration, Refusal, Registration, RegistrationState, SessionId};
use avanzacast_worker::{Decided, Find, Service};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Command, NOON, Query, SECOND, World, foreign};
use crate::queries::registration::Registered;

const ID: &str = "from-outside-1";

fn query(token: &str) -> Query {
    let session_id = SessionId::try_from(ID.to_owned()).unwrap();
    Query::Registration(Registered::new(GetRegistration { session_id, token: token.to_owned() }))
}

/// The answer, when this is what the database has.
fn said(found: &Value, now: i64) -> Registration {
    let answer = World::new().service.page(&found.to_string(), &query(&foreign(NOON / SECOND + 600)), now).unwrap();
    assert_eq!(answer.reply.status, 200);
    serde_json::from_slice(&answer.reply.body).unwrap()
}

/// A registered session as a row, which lives for a minute from noon.
fn row(state: &str) -> Value {
    json!({"id": ID, "room": "theirs", "role": "guest", "origin": "external", "single_use": 0, "state": state,
        "ttl": 60, "created_at": NOON, "expires_at": NOON + 60 * SECOND, "broadcast_over": 0})
}

fn decided(decided: &Decided) -> Value {
    json!({"session": null, "decision": serde_json::to_string(decided).unwrap()})
}

fn refused(code: &str) -> Registration {
    Registration { state: RegistrationState::Refused, code: Some(code.to_owned()), studio_url: None }
}

fn unknown() -> Registration {
    Registration { state: RegistrationState::Unknown, code: None, studio_url: None }
}

#[test]
fn a_session_says_what_is_true_now_to_the_millisecond() {
    let end = NOON + 60 * SECOND;
    for (state, now, code) in [
        ("open", end - 1, None),
        ("open", end, Some("session_expired")),
        ("expired", end, Some("session_expired")),
        ("consumed", end - 1, None),
        ("consumed", end + 1, None),
        ("revoked", NOON, Some("session_revoked")),
        ("revoked", end, Some("session_revoked")),
    ] {
        let said = said(&json!({"session": row(state), "decision": null}), now);
        assert_eq!(said.code.as_deref(), code, "{state}");
        match code {
            Some(code) => assert_eq!(said, refused(code)),
            None => {
                assert_eq!(said.state, RegistrationState::Active, "{state}");
                assert!(said.studio_url.is_some_and(|url| url.ends_with(&format!("/studio/{ID}"))));
            }
        }
    }
}

#[test]
fn the_end_of_its_broadcast_ends_it_but_does_not_hide_that_it_was_taken_back() {
    for (state, code) in [("open", "broadcast_ended"), ("consumed", "broadcast_ended"), ("revoked", "session_revoked")]
    {
        let mut row = row(state);
        (row["broadcast_id"], row["broadcast_over"]) = (json!(Uuid::nil()), json!(1));
        assert_eq!(said(&json!({"session": row, "decision": null}), NOON), refused(code), "{state}");
    }
}

/// Registered by the stream, refused; then registered by HTTP, and taken.
#[test]
fn a_session_has_the_word_before_the_inbox() {
    let refusal = Decided::Refused(Refusal::new(Code::TokenInvalid, "the token is not valid yet"));
    let mut found = decided(&refusal);
    assert_eq!(said(&found, NOON), refused("token_invalid"));
    found["session"] = row("open");
    assert_eq!(said(&found, NOON).state, RegistrationState::Active);
}

#[test]
fn what_left_no_trace_and_what_was_forgotten_is_unknown() {
    assert_eq!(said(&json!({"session": null, "decision": null}), NOON), unknown());
    let done = serde_json::value::RawValue::from_string("{}".to_owned()).unwrap();
    assert_eq!(said(&decided(&Decided::Done(done)), NOON), unknown());
}

/// Both lookups depend on the token: a wrong one finds what no token finds.
#[test]
fn nothing_is_looked_up_by_the_id_alone_and_no_token_is_kept() {
    let (token, other) = (foreign(NOON / SECOND + 60), foreign(NOON / SECOND + 61));
    let keys = |token: &str| match World::new().service.find(&query(token)) {
        Find::Page { keys, .. } => keys,
        Find::Rows(keys) => panic!("it reads {keys:?} for more than itself"),
    };
    let (right, wrong) = (keys(&token), keys(&other));
    assert_eq!(right[0], ID);
    assert!(right[1] != wrong[1] && right[2] != wrong[2], "{right:?} {wrong:?}");
    assert!(!format!("{:?} {right:?}", query(&token)).contains(&token));
}

/// Whose guest somebody is said to be is nobody's word there.
#[test]
fn the_bus_names_no_user_of_ours() {
    let body = json!({"sessionId": ID, "token": foreign(NOON / SECOND + 60), "createdBy": 7}).to_string();
    let decoded = World::new().service.decode(&Delivery::own("cmd.token.register", body)).unwrap();
    let Command::Register(command, None) = decoded.command else { panic!("{:?}", decoded.command) };
    assert_eq!(command.created_by, None);
}

/// The inbox is asked for what the registration was filed under.
#[test]
fn the_command_is_the_one_that_the_stream_brings() {
    let token = foreign(NOON / SECOND + 60);
    let Find::Page { keys, .. } = World::new().service.find(&query(&token)) else { panic!("no page") };
    let filed = avanzacast_schemas::command_id::keyed(&["cmd.token.register", ID, &token]);
    assert_eq!(keys[2], filed);
}
