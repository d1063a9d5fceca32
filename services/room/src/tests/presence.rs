//! Who is where, by what LiveKit tells and what we find.

use avanzacast_kit::time;
use avanzacast_schemas::{Code, Event, Webhook};
use avanzacast_worker::{Moment, Service, Sweeps};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    facts::{Fact, StayFact},
    look::{self, Look},
    service::RoomService,
    state::Presence,
    webhook,
};

const NOW: i64 = 1_770_000_100_000;

fn fact(kind: &str, id: &str, sid: &str, identity: &str) -> Fact {
    let webhook: Webhook = serde_json::from_value(json!({"id": id, "kind": kind, "createdAt": 1_770_000_000,
        "room": {"sid": "RM_1", "name": "demo"},
        "participant": {"sid": sid, "identity": identity, "joinedAt": 1_769_999_990}}))
    .unwrap();
    webhook.try_into().unwrap()
}

fn with<T>(now: i64, decide: impl FnOnce(&mut Moment<'_>) -> T) -> T {
    let mut random = StdRng::seed_from_u64(1);
    decide(&mut Moment { now, random: &mut random })
}

fn tell(presence: &mut Presence, fact: &Fact) -> Vec<Event> {
    with(NOW, |moment| webhook::decide(presence, fact, moment).events)
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

fn presence(rows: Value) -> Presence {
    RoomService.load(&rows.to_string()).unwrap()
}

/// All orders of some items.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let place = |order: Vec<T>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, first.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(place).collect()
}

#[test]
fn every_order_of_arrival_comes_to_the_same() {
    let facts = ["room_started", "participant_joined", "participant_left", "participant_left", "room_finished"];
    let facts: Vec<Fact> = facts.iter().map(|kind| fact(kind, "EV", "PA_1", "ana")).collect();
    for order in orders(&facts) {
        let mut state = Presence::default();
        let mut events: Vec<_> = order.iter().flat_map(|fact| kinds(&tell(&mut state, fact))).collect();
        events.sort_unstable();
        assert_eq!(events, ["participant.joined", "participant.left", "room.finished", "room.started"], "{order:?}");
        let stay = state.stays.get("PA_1").unwrap();
        assert_eq!((stay.joined_at, stay.left_at), (Some(1_769_999_990_000), Some(1_770_000_000_000)));
        let room = state.rooms.get("RM_1").unwrap();
        assert!(room.started_at.is_some() && room.finished_at.is_some());
    }
}

/// What the ledger could not say in RFC 3339 would stand there as another moment than in the tables.
#[test]
fn a_time_that_cannot_be_written_is_no_webhook() {
    let fact = |created_at: i64, joined_at: i64| {
        let webhook: Webhook = serde_json::from_value(json!({"id": "EV", "kind": "participant_joined",
            "createdAt": created_at, "room": {"sid": "RM_1", "name": "demo"},
            "participant": {"sid": "PA_1", "identity": "ana", "joinedAt": joined_at}}))
        .unwrap();
        Fact::try_from(webhook)
    };
    let last = 253_402_207_200;
    for at in [0, 1_770_000_000, last] {
        let Ok(Fact::Joined(stay)) = fact(1_770_000_000, at) else { panic!("{at}") };
        assert_eq!(time::parse_rfc3339(&time::rfc3339(stay.at)), Some(at * 1000));
    }
    for at in [-1, last + 1, 253_402_300_800, i64::MAX, i64::MIN] {
        assert_eq!(fact(1_770_000_000, at).unwrap_err().code, Code::Malformed, "{at}");
        assert_eq!(fact(at, 1_770_000_000).unwrap_err().code, Code::Malformed, "{at}");
    }
}

#[test]
fn a_connection_that_came_to_nothing_is_no_event_but_is_remembered() {
    let mut state = Presence::default();
    assert!(tell(&mut state, &fact("participant_connection_aborted", "EV", "PA_1", "ana")).is_empty());
    let stay = state.stays.get("PA_1").unwrap();
    assert_eq!((stay.joined_at, stay.left_at, stay.report_at), (None, Some(1_770_000_000_000), None));
}

#[test]
fn what_is_not_livekits_is_refused() {
    let bad = [
        json!({"room": {"sid": "RM_1", "name": "*"}}),
        json!({"room": {"sid": "RM 1", "name": "demo"}}),
        json!({"participant": null}),
        json!({"participant": {"sid": "", "identity": "ana"}}),
        json!({"participant": {"sid": "PA_1", "identity": "a\nb"}}),
    ];
    for change in bad {
        let mut whole = json!({"id": "EV", "kind": "participant_joined", "createdAt": 1, "room": {"sid": "RM_1", "name":
            "demo"}, "participant": {"sid": "PA_1", "identity": "ana"}});
        whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let webhook: Webhook = serde_json::from_value(whole).unwrap();
        assert!(Fact::try_from(webhook).is_err(), "{change}");
    }
}

#[test]
fn a_registered_identity_is_known_by_the_hash_of_its_registration() {
    let participant = "p_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let token = json!({"room": "demo", "identity": "ana", "participant": participant, "salt": "00", "value": "ana"});
    let mut state = presence(json!({"tokens": [token]}));
    let events = tell(&mut state, &fact("participant_joined", "EV", "PA_1", "ana"));
    let Some(Event::ParticipantJoined(joined)) = events.first() else { panic!("{events:?}") };
    assert_eq!(joined.participant.as_ref().map(|id| id.as_str()), Some(participant));
    let hash = avanzacast_worker::person::Personal { salt: "00".to_owned(), value: "ana".to_owned() }.hash();
    assert_eq!(joined.identity_hash.as_deref(), Some(hash.as_str()));
    assert_eq!(state.stays.get("PA_1").unwrap().report_at, None);
}

#[test]
fn nobody_takes_a_participants_place_by_registering_its_name() {
    let (ours, theirs) = ("p_aaaaaaaaaaaaaaaaaaaaaaaaaa", "p_bbbbbbbbbbbbbbbbbbbbbbbbbb");
    let token = |participant: &str| json!({"room": "demo", "identity": ours, "participant": participant});
    for tokens in [[token(ours), token(theirs)], [token(theirs), token(ours)]] {
        let mut state = presence(json!({ "tokens": tokens }));
        let events = tell(&mut state, &fact("participant_joined", "EV", "PA_1", ours));
        let Some(Event::ParticipantJoined(joined)) = events.first() else { panic!("{events:?}") };
        assert_eq!(joined.participant.as_ref().map(|id| id.as_str()), Some(ours));
    }
}

#[test]
fn a_token_for_another_room_does_not_make_somebody_known() {
    let token = json!({"room": "other", "identity": "ana", "participant": "p_aaaaaaaaaaaaaaaaaaaaaaaaaa"});
    let mut state = presence(json!({"tokens": [token], "issued": ["other\nana"]}));
    tell(&mut state, &fact("participant_joined", "EV", "PA_1", "ana"));
    assert_eq!(state.stays.get("PA_1").unwrap().report_at, Some(NOW + 10_000));
}

#[test]
fn a_stranger_is_reported_once_unless_the_registration_came() {
    let stay = json!({"sid": "PA_1", "room": "demo", "room_sid": "RM_1", "identity": "ana", "participant": null,
        "identity_hash": "aa", "known": 0, "joined_at": 1, "left_at": null, "report_at": 2, "forget_at": null});
    let sweep = |rows: Value| {
        let mut state = RoomService.load_due(&rows.to_string()).unwrap();
        let events = with(NOW, |moment| RoomService.expire(&mut state, moment).0);
        assert_eq!(state.stays.get("PA_1").unwrap().report_at, None, "looked at once");
        kinds(&events)
    };
    assert_eq!(sweep(json!({ "stays": [stay] })), ["participant.unknown"]);
    assert_eq!(sweep(json!({"stays": [stay], "issued": ["demo\nana"]})), [""; 0]);
    assert!(RoomService.load_due("[]").unwrap().stays.all().is_empty());
}

fn look_at(presence: &mut Presence, look: &Look) -> Vec<Event> {
    with(NOW, |moment| look::decide(presence, look, moment).events)
}

fn stay(sid: &str) -> StayFact {
    let Fact::Joined(stay) = fact("participant_joined", "EV", sid, "ana") else { panic!("a stay") };
    stay
}

#[test]
fn what_was_lost_is_put_right_and_said() {
    let mut state = presence(json!({ "known_at": NOW - 30_000 }));
    let look = Look { at: NOW, joined: vec![stay("PA_1")], left: vec![stay("PA_1")], ..Look::default() };
    let events = look_at(&mut state, &look);
    assert_eq!(kinds(&events), ["participant.joined", "participant.left", "presence.gap"]);
    let Some(Event::PresenceGap(gap)) = events.last() else { panic!("{events:?}") };
    assert_eq!((gap.joined, gap.left), (1, 1));
    assert!(look_at(&mut state, &look).is_empty(), "once");
}

#[test]
fn nothing_lost_is_nothing_said_unless_nobody_looked_for_long() {
    let look = Look { at: NOW, ..Look::default() };
    assert!(look_at(&mut presence(json!({ "known_at": NOW - 33_000 })), &look).is_empty());
    assert!(
        look_at(&mut presence(json!({ "known_at": null })), &look).is_empty(),
        "before the first look nothing is missed"
    );
    assert_eq!(kinds(&look_at(&mut presence(json!({ "known_at": NOW - 120_000 })), &look)), ["presence.gap"]);
}

#[test]
fn a_look_that_could_not_take_all_does_not_claim_to_know() {
    let mut state = presence(json!({ "known_at": NOW - 30_000 }));
    look_at(&mut state, &Look { at: NOW, joined: vec![stay("PA_1")], more: true, ..Look::default() });
    assert!(!state.changes().iter().any(|change| change.table.name == "presence_watch"));
}

#[test]
fn a_webhook_that_came_meanwhile_counts() {
    let mut state = Presence::default();
    tell(&mut state, &fact("participant_joined", "EV", "PA_1", "ana"));
    tell(&mut state, &fact("participant_left", "EV", "PA_1", "ana"));
    let look = Look { at: NOW, joined: vec![stay("PA_1")], ..Look::default() };
    assert!(look_at(&mut state, &look).is_empty(), "who has left since is not said to have come");
}
