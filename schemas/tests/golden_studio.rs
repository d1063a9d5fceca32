//! Users and broadcasts: one file per message and version, as in `golden.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use avanzacast_schemas::{
    Actor, ActorKind, Broadcast, BroadcastCreated, BroadcastEnded, BroadcastStarted, BroadcastStatus, CreateBroadcast,
    CreateUser, EndBroadcast, Envelope, Event, GetBroadcast, GetUser, ListBroadcasts, Page, RoomName, SOURCE,
    StartBroadcast, User, UserCreated,
};
use golden_file::check;
use serde_json::json;
use uuid::Uuid;

const TIME: &str = "2026-02-02T02:40:00.007Z";

fn id() -> Uuid {
    "019c1c3f-0000-7000-8000-000000000009".parse().unwrap()
}

fn actor() -> Actor {
    Actor { kind: ActorKind::Key, name: Some("panel".to_owned()) }
}

#[test]
fn commands() {
    let user = json!({"email": "ana@example.com", "username": "ana", "displayName": "Ana López", "isAdmin": true,
        "id": 7, "createdAt": TIME});
    check("cmd.user.create.1", &serde_json::from_value::<CreateUser>(user).unwrap());
    let minimal: CreateUser = serde_json::from_str(r#"{"email":"ana@example.com","username":"ana"}"#).unwrap();
    assert_eq!((minimal.display_name, minimal.is_admin), (None, false));
    let broadcast = json!({"title": "Friday night", "description": "with\n\tguests", "ownerId": 7, "status": "live",
        "id": id()});
    check("cmd.broadcast.create.1", &serde_json::from_value::<CreateBroadcast>(broadcast).unwrap());
    check("cmd.broadcast.start.1", &StartBroadcast { id: id() });
    check("cmd.broadcast.end.1", &EndBroadcast { id: id() });
    check("qry.user.get.1", &GetUser { id: 7 });
    check("qry.broadcast.get.1", &GetBroadcast { id: id() });
    let (owner_id, status) = (Some(7), Some(BroadcastStatus::Live));
    let cursor = Some("cursor".to_owned());
    check("qry.broadcast.list.1", &ListBroadcasts { owner_id, status, limit: Some(50), cursor });
}

#[test]
fn texts_are_checked_at_their_edges() {
    let title = |title: &str| serde_json::from_value::<CreateBroadcast>(json!({"title": title})).is_ok();
    assert!(title("a") && title(&"é".repeat(128)));
    assert!(!title("") && !title(" \u{a0}") && !title("a\nb") && !title(&"é".repeat(129)));
    let about =
        |text: &str| serde_json::from_value::<CreateBroadcast>(json!({"title": "a", "description": text})).is_ok();
    assert!(about("") && about("two\nlines\tand a tab") && about(&"é".repeat(2_000)));
    assert!(!about("\u{0}") && !about("a\r\n") && !about("a\u{85}") && !about(&"é".repeat(2_001)));
}

#[test]
fn replies() {
    let user = User {
        id: 7,
        email: "ana@example.com".to_owned(),
        username: "ana".to_owned(),
        display_name: Some("Ana López".to_owned()),
        is_admin: false,
        created_at: TIME.to_owned(),
    };
    check("reply.user.view.1", &user);
    check(
        "reply.user.view-erased.1",
        &User { email: String::new(), username: String::new(), display_name: None, ..user },
    );
    let broadcast = Broadcast {
        id: id(),
        title: "Friday night".to_owned(),
        description: String::new(),
        owner_id: None,
        status: BroadcastStatus::Created,
        created_at: TIME.to_owned(),
    };
    check("reply.broadcast.view.1", &broadcast);
    let live = Broadcast { owner_id: Some(7), status: BroadcastStatus::Live, ..broadcast };
    check("reply.broadcast.list.1", &Page { items: vec![live], next: Some("cursor".to_owned()) });
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
    let (hash, room) = ("ab".repeat(32), RoomName::of_broadcast(id()));
    event(&Event::UserCreated(UserCreated {
        actor: actor(),
        user: 7,
        email_hash: hash.clone(),
        username_hash: hash.clone(),
        display_name_hash: Some(hash.clone()),
        is_admin: false,
    }));
    event(&Event::BroadcastCreated(BroadcastCreated {
        actor: Actor::of(ActorKind::Anonymous),
        broadcast: id(),
        room: room.clone(),
        title_hash: hash.clone(),
        description_hash: Some(hash),
        owner_id: Some(7),
    }));
    let (actor, broadcast, at) = (actor(), id(), TIME.to_owned());
    let started = BroadcastStarted { actor: actor.clone(), broadcast, room: room.clone(), at: at.clone() };
    event(&Event::BroadcastStarted(started));
    event(&Event::BroadcastEnded(BroadcastEnded { actor, broadcast, room, at }));
}
