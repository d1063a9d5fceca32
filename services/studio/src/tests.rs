//! The decisions, without a database, a bus or a clock.

use avanzacast_schemas::{
    Actor, ActorKind, Broadcast, BroadcastStatus, Code, CreateBroadcast, CreateUser, EndBroadcast, Event,
    ListBroadcasts, StartBroadcast, User, cursor_of,
};
use avanzacast_worker::{Decision, Find, Moment, Service, store::Op};
use rand::{SeedableRng, rngs::StdRng};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Command, StudioService, queries::List, state::Studio, store};

/// Noon of some day, Unix milliseconds.
const NOON: i64 = 1_770_000_000_000;

struct World {
    service: StudioService,
    studio: Studio,
    random: StdRng,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self { service: StudioService, studio: Studio::default(), random: StdRng::seed_from_u64(7), now: NOON }
    }

    fn decide(&mut self, command: &Command) -> Decision {
        let mut moment = Moment { now: self.now, random: &mut self.random };
        self.service.decide(&mut self.studio, command, &mut moment)
    }

    /// Decides, and builds the answer as it was first given and as it is repeated.
    fn carry_out<T: DeserializeOwned>(&mut self, command: &Command) -> Result<(T, Vec<Event>), Code> {
        let Decision { events, outcome } = self.decide(command);
        let record = outcome.map_err(|refusal| refusal.code)?;
        let first = self.service.answer(&self.studio, command, &record, true).unwrap();
        let again = self.service.answer(&self.studio, command, &record, false).unwrap();
        assert_eq!(first.reply, again.reply, "a repeated answer is the same, byte for byte");
        Ok((serde_json::from_slice(&first.reply.body).unwrap(), events))
    }

    fn user(&mut self, email: &str, username: &str) -> Result<(User, Vec<Event>), Code> {
        self.carry_out(&user(json!({"email": email, "username": username, "displayName": "Ana López"})))
    }

    fn broadcast(&mut self, owner: Option<i64>) -> Result<(Broadcast, Vec<Event>), Code> {
        self.carry_out(&broadcast(json!({"title": "Friday night", "ownerId": owner})))
    }
}

fn user(body: Value) -> Command {
    Command::CreateUser(serde_json::from_value::<CreateUser>(body).unwrap(), Actor::of(ActorKind::Key))
}

fn broadcast(body: Value) -> Command {
    Command::CreateBroadcast(serde_json::from_value::<CreateBroadcast>(body).unwrap(), Actor::of(ActorKind::Anonymous))
}

fn start(id: Uuid) -> Command {
    Command::Start(StartBroadcast { id }, Actor::of(ActorKind::Key))
}

fn end(id: Uuid) -> Command {
    Command::End(EndBroadcast { id }, Actor::of(ActorKind::Key))
}

#[test]
fn users_are_numbered_from_where_the_database_is() {
    let mut world = World::new();
    world.studio = world.service.load(r#"{"users":null,"broadcasts":null,"greatest_user":41}"#).unwrap();
    let (first, _) = world.user("ana@example.com", "ana").unwrap();
    let (second, _) = world.user("bo@example.com", "bo").unwrap();
    assert_eq!((first.id, second.id), (42, 43));
}

#[test]
fn an_address_and_a_name_belong_to_one_user_whatever_their_case() {
    let mut world = World::new();
    world.user("Ana@Example.com", "ÁNA").unwrap();
    assert_eq!(world.user("aNA@eXAMPLE.COM", "bo").unwrap_err(), Code::EmailTaken);
    assert_eq!(world.user("bo@example.com", "ána").unwrap_err(), Code::UsernameTaken);
    assert_eq!(world.user("ana@example.com", "ána").unwrap_err(), Code::EmailTaken, "the address first");
    assert_eq!(world.user("bo@example.com", "bo").unwrap().0.id, 2, "what was refused took no number");
}

#[test]
fn what_is_taken_is_known_from_the_database_too() {
    let mut world = World::new();
    let rows = json!({"users": [{"id": 3, "email_key": "ana@example.com", "username_key": "ana", "is_admin": 1,
        "created_at": NOON, "email": "Ana@example.com", "username": "Ana", "display_name": null}], "greatest_user": 3});
    world.studio = world.service.load(&rows.to_string()).unwrap();
    assert_eq!(world.user("ANA@example.com", "bo").unwrap_err(), Code::EmailTaken);
    assert_eq!(world.user("bo@example.com", "ANA").unwrap_err(), Code::UsernameTaken);
    assert!(world.studio.user(3).unwrap().is_admin);
}

#[test]
fn an_erased_user_reads_as_nobody_and_frees_what_it_had() {
    let mut world = World::new();
    let rows = json!({"users": [{"id": 3, "email_key": null, "username_key": null, "is_admin": 0,
        "created_at": NOON, "email": null, "username": null, "display_name": null}], "greatest_user": 3});
    world.studio = world.service.load(&rows.to_string()).unwrap();
    let erased = world.studio.user(3).unwrap();
    assert_eq!((erased.email.as_str(), erased.username.as_str(), &erased.display_name), ("", "", &None));
    assert_eq!(world.user("ana@example.com", "ana").unwrap().0.id, 4);
}

#[test]
fn nothing_that_names_a_person_is_in_an_event_or_in_the_inbox() {
    let mut world = World::new();
    let command = user(json!({"email": "ana@example.com", "username": "anita", "displayName": "Ana López"}));
    let Decision { events, outcome } = world.decide(&command);
    let kept = serde_json::to_string(&events).unwrap() + outcome.unwrap().get();
    let command = broadcast(json!({"title": "Friday night", "description": "with Eva", "ownerId": 1}));
    let Decision { events, outcome } = world.decide(&command);
    let kept = kept + &serde_json::to_string(&events).unwrap() + outcome.unwrap().get();
    for secret in ["ana@", "anita", "López", "Friday", "Eva"] {
        assert!(!kept.contains(secret), "{kept}");
    }
    let tables: Vec<_> = world.studio.changes().iter().map(|change| (change.table.name, change.rows.len())).collect();
    assert_eq!(tables, [("account", 1), ("broadcast", 1), ("person", 5)], "they stand where they can be erased");
}

#[test]
fn an_owner_has_to_be_there_and_may_have_been_made_just_now() {
    let mut world = World::new();
    assert_eq!(world.broadcast(Some(1)).unwrap_err(), Code::OwnerUnknown);
    world.user("ana@example.com", "ana").unwrap();
    assert_eq!(world.broadcast(Some(1)).unwrap().0.owner_id, Some(1));
    assert_eq!(world.broadcast(None).unwrap().0.owner_id, None);
}

#[test]
fn a_broadcast_is_created_goes_live_once_and_ends_once() {
    let mut world = World::new();
    let id = world.broadcast(None).unwrap().0.id;
    assert_eq!(world.carry_out::<Value>(&end(id)).unwrap_err(), Code::BroadcastState);
    let (live, events) = world.carry_out::<Broadcast>(&start(id)).unwrap();
    assert_eq!(
        (live.status, live.title.as_str(), events[0].kind()),
        (BroadcastStatus::Live, "Friday night", "broadcast.started")
    );
    assert_eq!(world.carry_out::<Value>(&start(id)).unwrap_err(), Code::BroadcastState);
    let (ended, events) = world.carry_out::<Broadcast>(&end(id)).unwrap();
    assert_eq!((ended.status, events[0].kind()), (BroadcastStatus::Ended, "broadcast.ended"));
    assert_eq!(world.carry_out::<Value>(&end(id)).unwrap_err(), Code::BroadcastState);
    assert_eq!(world.carry_out::<Value>(&start(id)).unwrap_err(), Code::BroadcastState);
    assert_eq!(world.carry_out::<Value>(&start(Uuid::nil())).unwrap_err(), Code::BroadcastNotFound);
    let changes = world.studio.changes();
    let written: Vec<_> = changes.iter().map(|change| (change.table.name, change.op, change.rows.len())).collect();
    assert_eq!(written, [("broadcast", Op::Insert, 1), ("person", Op::Insert, 1)], "one batch writes a row once");
}

#[test]
fn a_start_that_is_repeated_after_the_end_says_what_it_said() {
    let mut world = World::new();
    let id = world.broadcast(None).unwrap().0.id;
    let record = world.decide(&start(id)).outcome.unwrap();
    let first = world.service.answer(&world.studio, &start(id), &record, true).unwrap();
    world.decide(&end(id)).outcome.unwrap();
    let again = world.service.answer(&world.studio, &start(id), &record, false).unwrap();
    assert_eq!(first.reply, again.reply);
}

#[test]
fn later_broadcasts_have_greater_ids_whatever_the_clock_does() {
    let mut world = World::new();
    let newest = "ffffffff-0000-7000-8000-000000000000";
    world.studio = world.service.load(&json!({"newest_broadcast": newest}).to_string()).unwrap();
    let mut last = newest.to_owned();
    for step in [0, -5_000, 0, 1, 3_600_000] {
        world.now += step;
        let id = world.broadcast(None).unwrap().0.id.to_string();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

fn list(body: Value) -> Result<List, Code> {
    List::of(&serde_json::from_value::<ListBroadcasts>(body).unwrap()).map_err(|refusal| refusal.code)
}

#[test]
fn limits_and_cursors_are_checked() {
    for bad in [
        json!({"limit": 0}),
        json!({"limit": 101}),
        json!({"cursor": ""}),
        json!({"cursor": "!"}),
        json!({"cursor": cursor_of("x")}),
    ] {
        assert_eq!(list(bad.clone()).unwrap_err(), Code::Malformed, "{bad}");
    }
    assert!(list(json!({"limit": 100, "cursor": cursor_of(&Uuid::nil().to_string())})).is_ok());
}

#[test]
fn each_filter_has_a_statement_of_its_own() {
    let mut statements = Vec::new();
    for filter in [json!({}), json!({"ownerId": 7}), json!({"status": "live"}), json!({"ownerId": 7, "status": "live"})]
    {
        let Find::Page { sql, keys } = list(filter).unwrap().find() else { panic!("a list is a page") };
        assert_eq!(keys[..2], ["~", "51"]);
        statements.push((sql.postgres, keys.len()));
    }
    statements.sort_unstable();
    statements.dedup();
    assert_eq!(statements.len(), 4);
}

#[test]
fn a_page_is_followed_by_another_only_when_there_is_more() {
    let row = |n: u8| {
        json!({"id": Uuid::from_u128(n.into()), "owner_id": null, "status": "live", "created_at": NOON,
            "started_at": NOON, "ended_at": null, "title": null, "description": null})
    };
    let two = list(json!({"limit": 2})).unwrap();
    let page = two.page(&json!([row(3), row(2), row(1)]).to_string()).unwrap();
    assert_eq!((page.items.len(), page.items[0].title.as_str()), (2, ""));
    assert_eq!(page.next, Some(cursor_of(&Uuid::from_u128(2).to_string())));
    assert_eq!(two.page(&json!([row(2), row(1)]).to_string()).unwrap().next, None);
    assert!(two.page("[]").unwrap().items.is_empty());
}

#[test]
fn the_rows_of_both_databases_are_read() {
    for rows in [
        r#"{"users":null,"broadcasts":null,"greatest_user":null,"newest_broadcast":null}"#,
        r#"{"users":[],"broadcasts":[],"greatest_user":null,"newest_broadcast":null}"#,
    ] {
        assert!(serde_json::from_str::<store::Rows>(rows).is_ok(), "{rows}");
    }
}
