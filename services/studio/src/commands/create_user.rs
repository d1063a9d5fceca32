//! `cmd.user.create`: a user, whose e-mail address and name nobody else has.

use avanzacast_kit::time;
use avanzacast_schemas::{Actor, Code, CreateUser, Event, Refusal, User, UserCreated};
use avanzacast_worker::{
    Decision, Moment,
    person::{self, Person, Personal},
};
use serde::{Deserialize, Serialize};

use crate::{
    person::of_user,
    state::{Account, Studio, email_key, username_key},
};

/// What the inbox keeps: with the command, enough for the same answer. Nothing about the person.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    id: i64,
    created_at: i64,
}

/// The keys of what the decision reads.
pub(crate) fn keys(command: &CreateUser) -> [String; 3] {
    [format!("e:{}", email_key(&command.email)), format!("n:{}", username_key(&command.username)), "next".to_owned()]
}

pub(crate) fn decide(
    studio: &mut Studio,
    command: &CreateUser,
    actor: &Actor,
    moment: &mut Moment<'_>,
) -> Result<Decision, Refusal> {
    let (email_key, username_key) = (email_key(&command.email), username_key(&command.username));
    if studio.has_email(&email_key) {
        return Err(Code::EmailTaken.into());
    }
    if studio.has_username(&username_key) {
        return Err(Code::UsernameTaken.into());
    }
    let (id, now) = (studio.next_user(), moment.now);
    let email = person::salted(command.email.as_str(), moment);
    let username = person::salted(command.username.as_str(), moment);
    let display_name = command.display_name.as_ref().map(|name| person::salted(name.as_str(), moment));
    let event = Event::UserCreated(UserCreated {
        actor: actor.clone(),
        user: id,
        email_hash: email.hash(),
        username_hash: username.hash(),
        display_name_hash: display_name.as_ref().map(|name| name.hash()),
        is_admin: command.is_admin,
    });
    let record = |(field, personal): (&'static str, Personal)| Person {
        subject: of_user(id),
        field,
        personal,
        recorded_at: now,
        registered_by: None,
    };
    let people = [("email", email), ("username", username)].into_iter();
    let people = people.chain(display_name.map(|name| ("displayName", name))).map(record);
    studio.add_user(Account { id, email_key, username_key, is_admin: command.is_admin, created_at: now }, people);
    Ok(Decision::done(vec![event], &Record { id, created_at: now }))
}

pub(crate) fn answer(command: &CreateUser, record: &Record) -> User {
    User {
        id: record.id,
        email: command.email.to_string(),
        username: command.username.to_string(),
        display_name: command.display_name.as_ref().map(ToString::to_string),
        is_admin: command.is_admin,
        created_at: time::rfc3339(record.created_at),
    }
}
