//! What events ask for in LiveKit.

use avanzacast_kit::time;
use avanzacast_livekit::RoomService as LiveKitRooms;
use avanzacast_worker::{Reactor, Recorded, store::Change};
use serde_json::{Value, json};

use crate::{reactions::Call, reactor::RoomReactor};

const NOW: i64 = 1_770_000_000_000;
const MINUTE: i64 = 60_000;
const BROADCAST: &str = "019c1c3f-0000-7000-8000-000000000009";
const ANA: &str = "p_aaaaaaaaaaaaaaaaaaaaaaaaaa";

fn reactor() -> RoomReactor {
    // The client wants a TLS provider even for what is never sent; a second installation is refused, and harmless.
    drop(rustls::crypto::ring::default_provider().install_default());
    RoomReactor::new(LiveKitRooms::new(&avanzacast_kit::config::LiveKitConfig {
        key: "APIx".to_owned(),
        secret: avanzacast_kit::Secret::new("0123456789abcdef0123456789abcdef"),
        ws_url: String::new(),
        http_url: String::new(),
        verify_keys: Vec::new(),
        takes_anything: false,
    }))
}

fn event(kind: &str, data: Value) -> Recorded {
    serde_json::from_value(json!({"type": kind, "data": data})).unwrap()
}

fn react(rows: Value, event: &Recorded) -> (Vec<Call>, Vec<Change>) {
    let reactor = reactor();
    assert!(reactor.minds(&event.kind) && reactor.keys(event).is_some());
    let mut state = reactor.load(&rows.to_string()).unwrap();
    let calls = reactor.react(&mut state, event, NOW);
    (calls, reactor.changes(&state))
}

/// Until when the rows to be written bar this key.
fn barred(changes: &[Change], key: &str) -> Option<i64> {
    let rows = changes.iter().filter(|change| change.table.name == "barred").flat_map(|change| &change.rows);
    let rows = rows.map(|row| serde_json::to_value(row).unwrap());
    rows.filter(|row| row[0] == key).find_map(|row| row[1].as_i64())
}

fn remove(room: &str, identity: &str) -> Call {
    Call::Remove { room: room.to_owned(), identity: identity.to_owned() }
}

fn revoked(token_expires_at: Option<&str>) -> Recorded {
    event(
        "session.revoked",
        json!({"actor": {"kind": "key"}, "participant": ANA, "room": "demo", "tokenExpiresAt": token_expires_at,
            "revokedAt": "2026-02-02T02:40:00.000Z"}),
    )
}

fn who(identity: Value) -> Value {
    json!([{"sid": "PA_1", "subject": ANA, "room": "demo", "identity": identity}])
}

fn joined() -> Recorded {
    event(
        "participant.joined",
        json!({"actor": {"kind": "livekit"}, "room": "demo", "roomSid": "RM_1", "sid": "PA_1",
            "joinedAt": "2026-02-02T02:40:00.000Z", "source": "webhook"}),
    )
}

#[test]
fn whoever_is_revoked_is_put_out_and_barred_for_as_long_as_a_token_can_be_good() {
    let later = NOW / 1000 + 3_600;
    let rows = json!({"who": who(json!("ana")), "tokens": [{"key": "demo\nana", "exp": later}]});
    let (calls, changes) = react(rows, &revoked(Some("2026-02-02T03:40:00.000Z")));
    assert_eq!(calls, [remove("demo", "ana")]);
    assert_eq!(barred(&changes, "demo\nana"), Some(later * 1000 + MINUTE));
    let (_, changes) = react(json!({ "who": who(json!("ana")) }), &revoked(Some("2026-02-02T03:40:00.000Z")));
    assert_eq!(barred(&changes, "demo\nana"), Some(NOW + 11 * MINUTE), "LiveKit may have given a token just now");
}

/// A token of an hour and a half by `GET /api/token`, and a session of five minutes: the longer one counts.
#[test]
fn a_token_without_a_session_bars_whoever_has_it_for_as_long() {
    let (session, issued) = (NOW / 1000 + 300, NOW + 90 * MINUTE);
    let rows = json!({"who": who(json!("ana")), "tokens": [{"key": "demo\nana", "exp": session}],
        "issued": [["demo\nana", issued]]});
    let (_, changes) = react(rows, &revoked(Some("2026-02-02T02:45:00.000Z")));
    assert_eq!(barred(&changes, "demo\nana"), Some(issued + MINUTE));
}

#[test]
fn whoever_is_barred_and_gets_another_token_stays_barred_for_as_long() {
    let later = NOW + 120 * MINUTE;
    let rows = |term: i64| {
        json!({"who": [{"sid": null, "subject": "t_j", "room": "demo", "identity": "ana"}],
            "barred": [["demo\nana", term]]})
    };
    let (_, changes) = react(rows(NOW + MINUTE), &issued("demo", later));
    assert_eq!(barred(&changes, "demo\nana"), Some(later + MINUTE));
    let (_, changes) = react(rows(0), &issued("demo", later));
    assert_eq!(barred(&changes, "demo\nana"), None, "what was lifted stays so");
}

#[test]
fn a_link_that_never_had_a_token_asks_for_nothing() {
    assert!(reactor().keys(&revoked(None)).is_none());
}

#[test]
fn whoever_is_barred_is_put_out_whenever_they_come() {
    let rows = |until: i64| json!({"who": who(json!("ana")), "barred": [["demo\nana", until]]});
    let (calls, changes) = react(rows(NOW + 1), &joined());
    assert_eq!(calls, [remove("demo", "ana")]);
    assert_eq!(barred(&changes, "demo\nana"), Some(NOW + 11 * MINUTE), "they had a fresh token for that moment");
    let (calls, changes) = react(rows(NOW), &joined());
    assert!(calls.is_empty() && changes.is_empty(), "no token of theirs can be good any more");
    let (calls, _) = react(json!({ "who": who(json!("ana")) }), &joined());
    assert!(calls.is_empty());
}

#[test]
fn a_connection_that_came_to_nothing_prolongs_the_bar() {
    let rows = |left_at: i64| {
        json!({"who": who(json!("ana")), "barred": [["demo\nana", NOW - 1]],
            "seen": [{"key": "demo\nana", "left_at": left_at}]})
    };
    assert_eq!(react(rows(NOW - 10 * MINUTE), &joined()).0, [remove("demo", "ana")]);
    assert!(react(rows(NOW - 11 * MINUTE), &joined()).0.is_empty());
}

#[test]
fn a_foreign_identity_that_is_registered_anew_may_come_back() {
    let registered = event(
        "token.registered",
        json!({"actor": {"kind": "bus"}, "participant": ANA, "room": "demo", "origin": "external", "issuer": "k",
            "fingerprint": "f", "grants": {"roomJoin": true, "canPublish": true, "canSubscribe": true,
            "canPublishData": true}, "nameHash": "n", "expiresAt": "", "tokenExpiresAt": ""}),
    );
    let (calls, changes) =
        react(json!({"who": who(json!("ana")), "barred": [["demo\nana", NOW + MINUTE]]}), &registered);
    assert!(calls.is_empty());
    assert_eq!(barred(&changes, "demo\nana"), Some(0));
}

#[test]
fn a_lifted_bar_does_not_come_back_by_an_old_stay() {
    let rows = json!({"who": who(json!("ana")), "barred": [["demo\nana", 0]],
        "seen": [{"key": "demo\nana", "left_at": NOW - 1}]});
    assert!(react(rows, &joined()).0.is_empty());
}

#[test]
fn somebody_whose_identity_was_erased_cannot_be_named() {
    let (calls, changes) = react(json!({ "who": who(Value::Null) }), &revoked(Some("2026-02-02T03:40:00.000Z")));
    assert!(calls.is_empty() && changes.is_empty());
}

#[test]
fn a_broadcast_that_is_over_by_now_gets_no_room() {
    let room = format!("broadcast-{BROADCAST}");
    let created = event(
        "broadcast.created",
        json!({"actor": {"kind": "key"}, "broadcast": BROADCAST, "room": room, "titleHash": "t"}),
    );
    let calls = |status: &str| react(json!({ "broadcasts": [[BROADCAST, status]] }), &created).0;
    assert!(matches!(calls("live").as_slice(), [Call::Create(new)] if new.name == room));
    assert!(calls("ended").is_empty());
}

#[test]
fn a_room_that_ended_early_is_made_again_for_whoever_gets_a_token() {
    let room = format!("broadcast-{BROADCAST}");
    let reissued = event(
        "token.reissued",
        json!({"actor": {"kind": "holder"}, "participant": ANA, "room": room, "jti": "j", "fingerprint": "f",
            "tokenExpiresAt": ""}),
    );
    let calls = |open: &[&str]| react(json!({"broadcasts": [[BROADCAST, "live"]], "rooms": open}), &reissued).0.len();
    assert_eq!((calls(&[]), calls(&[&room])), (1, 0));
}

#[test]
fn the_room_of_an_ended_broadcast_is_ended_again_with_everybody_in_it() {
    let room = format!("broadcast-{BROADCAST}");
    let at = "2026-02-02T02:40:00.000Z";
    let ended =
        event("broadcast.ended", json!({"actor": {"kind": "key"}, "broadcast": BROADCAST, "room": room, "at": at}));
    let later = NOW / 1000 + 3_600;
    let everybody = format!("{room}\n");
    let (calls, changes) = react(json!({ "tokens": [{"key": everybody, "exp": later}] }), &ended);
    assert_eq!(calls, [Call::Delete(room.clone())]);
    assert_eq!(barred(&changes, &everybody), Some(later * 1000 + MINUTE));

    let started = event(
        "room.started",
        json!({"actor": {"kind": "livekit"}, "room": room, "roomSid": "RM_2", "at": at, "source": "webhook"}),
    );
    let rows = |until: i64| {
        json!({"who": [{"sid": "PA_1", "subject": null, "room": room, "identity": "ana"}],
        "barred": [[everybody, until]]})
    };
    assert_eq!(react(rows(NOW + 1), &started).0, [Call::Delete(room.clone())]);
    assert!(react(rows(NOW), &started).0.is_empty());
    assert_eq!(react(rows(NOW + 1), &joined()).0, [Call::Delete(room.clone())]);
}

/// The last of all tokens for the room, whether a session has it or not; the database gives one line for each kind.
#[test]
fn an_ended_room_stays_ended_for_as_long_as_any_token_for_it() {
    let room = format!("broadcast-{BROADCAST}");
    let everybody = format!("{room}\n");
    let ended = event(
        "broadcast.ended",
        json!({"actor": {"kind": "key"}, "broadcast": BROADCAST, "room": room, "at": "2026-02-02T02:40:00.000Z"}),
    );
    let exp = |minutes: i64| json!({"key": everybody, "exp": (NOW + minutes * MINUTE) / 1000});
    for tokens in [json!([exp(20), exp(90)]), json!([exp(90), exp(20)])] {
        let (_, changes) = react(json!({ "tokens": tokens }), &ended);
        assert_eq!(barred(&changes, &everybody), Some(NOW + 91 * MINUTE));
    }
}

#[test]
fn a_token_for_a_broadcast_that_is_over_keeps_its_room_ended_for_as_long() {
    let room = format!("broadcast-{BROADCAST}");
    let everybody = format!("{room}\n");
    let later = NOW + 120 * MINUTE;
    let registered = event(
        "token.registered",
        json!({"actor": {"kind": "key"}, "participant": ANA, "room": room, "origin": "minted", "issuer": "k",
            "fingerprint": "f", "grants": {"roomJoin": true, "canPublish": true, "canSubscribe": true,
            "canPublishData": true}, "nameHash": "n", "expiresAt": "", "tokenExpiresAt": time::rfc3339(later)}),
    );
    let reissued = event(
        "token.reissued",
        json!({"actor": {"kind": "holder"}, "participant": ANA, "room": room, "jti": "j", "fingerprint": "f",
            "tokenExpiresAt": time::rfc3339(later)}),
    );
    for event in [issued(&room, later), registered, reissued] {
        let rows = json!({"broadcasts": [[BROADCAST, "ended"]], "barred": [[everybody, NOW + MINUTE]]});
        let (calls, changes) = react(rows, &event);
        assert!(calls.is_empty(), "{}", event.kind);
        assert_eq!(barred(&changes, &everybody), Some(later + MINUTE), "{}", event.kind);
        let (_, changes) = react(json!({"broadcasts": [[BROADCAST, "ended"]]}), &event);
        assert_eq!(barred(&changes, &everybody), Some(later + MINUTE), "{}: the bar is over by now", event.kind);
        let (_, changes) = react(json!({"broadcasts": [[BROADCAST, "live"]], "rooms": [room]}), &event);
        assert_eq!(barred(&changes, &everybody), None, "{}", event.kind);
    }
}

fn issued(room: &str, until: i64) -> Recorded {
    event(
        "token.issued",
        json!({"actor": {"kind": "anonymous"}, "room": room, "issuer": "k", "jti": "j", "fingerprint": "f", "grants":
            {"roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true}, "identityHash": "i",
            "tokenExpiresAt": time::rfc3339(until)}),
    )
}

#[test]
fn an_identity_with_a_token_and_no_session_is_remembered() {
    let issued = issued("demo", NOW + 5 * MINUTE);
    let rows = |identity: &str| json!({"who": [{"sid": null, "subject": "t_j", "room": "demo", "identity": identity}]});
    let (_, changes) = react(rows("Eva"), &issued);
    assert!(changes.iter().any(|change| change.table.name == "issued"));
    let (_, changes) = react(rows("t_j"), &issued);
    assert!(changes.is_empty(), "erased: there is nothing to remember");
}
