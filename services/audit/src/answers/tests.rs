//! Who could enter and who did, by what a ledger says. Minutes are those after 10:00.

use avanzacast_kit::time;
use avanzacast_schemas::{
    Moment,
    who::{Known, Means, Period, Standing},
};
use avanzacast_worker::person::Personal;
use serde_json::{Value, json};

use super::{find::state_of, history::History, names::People, told::Told};

const P: &str = "p_aaaaaaaaaaaaaaaaaaaaaaaaaa";
const ROOM: &str = "blue";

fn minute(minute: f64) -> Moment {
    Moment(time::parse_rfc3339("2026-02-02T10:00:00Z").unwrap() + (minute * 60_000.0) as i64)
}

fn at(moment: f64) -> Period {
    Period { from: minute(moment), to: minute(moment) }
}

/// What the hash is of in these tests: a salt of zeros.
fn personal(value: &str) -> Personal {
    Personal { salt: "00".to_owned(), value: value.to_owned() }
}

/// Events, each with its minute, in order.
fn told(events: &[(f64, &str, Value)]) -> Vec<Told> {
    let one = |(seq, (at, kind, data)): (u64, &(f64, &str, Value))| {
        let mut data = data.clone();
        data["actor"] = json!({"kind": "key", "name": "panel"});
        let line = json!({"specversion": "1.0", "id": "i", "source": "/avanzacast", "type": kind, "data": data,
            "time": minute(*at).to_string(), "ledgerseq": seq.to_string()});
        Told::read(line.to_string().as_bytes()).unwrap_or_else(|| panic!("{line}"))
    };
    (1..).zip(events).map(one).collect()
}

fn history(events: &[(f64, &str, Value)]) -> History {
    History::of(&told(events))
}

/// A session's token, minted here, which counts until a minute.
fn registered(until: f64) -> Value {
    json!({"participant": P, "room": ROOM, "role": "guest", "origin": "minted", "issuer": "key1", "jti": "j1",
        "fingerprint": "f1", "nameHash": personal("Ana").hash(), "expiresAt": minute(until).to_string(),
        "grants": {"roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true},
        "tokenExpiresAt": minute(until).to_string()})
}

fn link(until: f64) -> Value {
    json!({"participant": P, "room": ROOM, "role": "guest", "nameHash": personal("Ana").hash(), "ttlSeconds": 60,
        "expiresAt": minute(until).to_string()})
}

fn consumed(at: f64, until: f64) -> Value {
    json!({"participant": P, "room": ROOM, "consumedAt": minute(at).to_string(),
        "resumeUntil": minute(until).to_string()})
}

fn issued(until: f64) -> Value {
    json!({"room": ROOM, "issuer": "key1", "jti": "j2", "fingerprint": "f2", "identityHash": personal("eva").hash(),
        "grants": {"roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true},
        "tokenExpiresAt": minute(until).to_string()})
}

fn joined(sid: &str, at: f64, more: Value) -> Value {
    let mut data = json!({"room": ROOM, "roomSid": "RM", "sid": sid, "joinedAt": minute(at).to_string(),
        "source": "webhook"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

fn left(sid: &str, at: f64, more: Value) -> Value {
    let mut data = json!({"room": ROOM, "roomSid": "RM", "sid": sid, "leftAt": minute(at).to_string(),
        "source": "webhook", "reason": "CLIENT_INITIATED"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

/// By what somebody could enter at this minute.
fn means(history: &History, moment: f64) -> Vec<Means> {
    history.could_enter(at(moment)).into_iter().flat_map(|could| could.ways).map(|way| way.means).collect()
}

#[test]
fn a_token_counts_until_its_end_and_the_leeway() {
    let history = history(&[(0.0, "token.registered", registered(5.0))]);
    assert_eq!(means(&history, -0.1), [], "there was none yet");
    assert_eq!(means(&history, 0.0), [Means::Link, Means::Token]);
    assert_eq!(means(&history, 5.0), [Means::Token], "the session is over, LiveKit still takes the token");
    assert_eq!(means(&history, 5.99), [Means::Token]);
    assert_eq!(means(&history, 6.0), []);
    let could = history.could_enter(Period { from: minute(5.5), to: minute(60.0) });
    let way = &could[0].ways[0];
    assert_eq!((way.until, way.fingerprint.as_deref()), (Some(minute(6.0)), Some("f1")));
    let mut viewer = registered(5.0);
    viewer["grants"]["roomJoin"] = json!(false);
    viewer["expiresAt"] = json!(minute(0.0).to_string());
    assert_eq!(means(&self::history(&[(0.0, "token.registered", viewer)]), 1.0), [], "it does not let in");
}

#[test]
fn what_was_taken_back_lets_nobody_in() {
    let revoked = json!({"participant": P, "room": ROOM, "revokedAt": minute(2.0).to_string()});
    let history = history(&[(0.0, "token.registered", registered(5.0)), (2.0, "session.revoked", revoked)]);
    assert_eq!(means(&history, 1.9), [Means::Link, Means::Token]);
    assert_eq!(means(&history, 2.0), []);
    let ended = json!({"broadcast": "0194d9a2-0000-7000-8000-000000000001", "room": ROOM,
        "at": minute(2.0).to_string()});
    let history = self::history(&[(0.0, "token.registered", registered(5.0)), (2.0, "broadcast.ended", ended)]);
    assert_eq!(means(&history, 2.0), [], "nor what belongs to a broadcast that is over");
}

#[test]
fn a_link_is_open_until_it_is_used_and_then_for_whoever_used_it() {
    let reissued = json!({"participant": P, "room": ROOM, "jti": "j3", "fingerprint": "f3",
        "tokenExpiresAt": minute(35.0).to_string()});
    let history = history(&[
        (0.0, "session.created", link(60.0)),
        (10.0, "token.registered", registered(15.0)),
        (10.0, "session.consumed", consumed(10.0, 40.0)),
        (30.0, "token.reissued", reissued),
    ]);
    assert_eq!(means(&history, 9.9), [Means::Link]);
    assert_eq!(means(&history, 10.0), [Means::Token, Means::Resume]);
    assert_eq!(means(&history, 20.0), [Means::Resume]);
    assert_eq!(means(&history, 31.0), [Means::Token, Means::Resume]);
    assert_eq!(means(&history, 40.0), []);
    let door = &history.could_enter(Period::ALWAYS)[0].door;
    assert_eq!(door.tokens.iter().map(|token| token.fingerprint.as_str()).collect::<Vec<_>>(), ["f1", "f3"]);
    assert_eq!((door.single_use, door.consumed.as_ref().unwrap().seq), (true, 3));
    assert_eq!((state_of(door, minute(41.0)), door.tokens[1].issuer.as_str()), ("consumed", "key1"));
    let never = self::history(&[(0.0, "session.created", link(5.0))]);
    assert_eq!((means(&never, 4.9), means(&never, 5.0)), (vec![Means::Link], vec![]));
}

#[test]
fn whoever_is_connected_can_come_back() {
    let ours = json!({"participant": P});
    let history = history(&[
        (0.0, "token.registered", registered(5.0)),
        (1.0, "participant.joined", joined("PA1", 1.0, ours.clone())),
        (20.0, "participant.left", left("PA1", 20.0, ours.clone())),
        (25.0, "participant.joined", joined("PA2", 25.0, ours.clone())),
    ]);
    assert_eq!(means(&history, 19.0), [Means::Refreshed]);
    assert_eq!(means(&history, 24.9), [Means::Refreshed], "LiveKit's own token counts ten minutes");
    let (entered, _) = history.entered(at(26.0));
    assert_eq!((entered.len(), entered[0].refreshed, entered[0].by.len()), (1, true, 0), "nothing of ours counted");
    let (entered, _) = history.entered(at(2.0));
    assert_eq!((entered[0].refreshed, entered[0].by[0].fingerprint.as_str()), (false, "f1"));
    let ended = self::history(&[
        (1.0, "participant.joined", joined("PA1", 1.0, ours.clone())),
        (2.0, "participant.left", left("PA1", 2.0, ours)),
        (2.0, "token.registered", registered(1.0)),
    ]);
    assert_eq!((means(&ended, 12.9), means(&ended, 13.0)), (vec![Means::Refreshed], vec![]));
}

#[test]
fn who_was_there_is_said_whatever_order_it_was_told_in() {
    let hidden = json!({"identityHash": personal("eva").hash()});
    let stranger = json!({"room": ROOM, "roomSid": "RM", "sid": "PA3", "identityHash": personal("mallory").hash(),
        "joinedAt": minute(4.0).to_string()});
    let history = history(&[
        (5.0, "participant.left", left("PA1", 5.0, hidden.clone())),
        (5.1, "participant.joined", joined("PA1", 1.0, hidden.clone())),
        (5.2, "participant.joined", joined("PA2", 3.0, hidden.clone())),
        (5.3, "participant.joined", joined("PA3", 4.0, json!({"identityHash": personal("mallory").hash()}))),
        (6.0, "participant.unknown", stranger),
        (7.0, "participant.left", left("PA4", 7.0, hidden)),
        (
            9.0,
            "room.finished",
            json!({"room": ROOM, "roomSid": "RM", "at": minute(9.0).to_string(),
            "source": "reconciliation"}),
        ),
    ]);
    let there = |moment: f64| {
        let (entered, strangers) = history.entered(at(moment));
        let sids = entered.iter().map(|one| one.stay.sid.clone()).collect::<Vec<_>>();
        (sids, strangers.into_iter().map(|stay| stay.sid).collect::<Vec<_>>())
    };
    let of = |sids: &[&str]| sids.iter().map(|sid| (*sid).to_owned()).collect::<Vec<_>>();
    // Nobody saw PA4 come, so it may have been there all the time.
    assert_eq!(there(0.5), (of(&["PA4"]), vec![]));
    assert_eq!(there(2.0), (of(&["PA1", "PA4"]), vec![]));
    assert_eq!(there(4.0), (of(&["PA1", "PA2", "PA4"]), of(&["PA3"])));
    assert_eq!(there(5.01), (of(&["PA1", "PA2", "PA4"]), of(&["PA3"])), "LiveKit says when, to the second");
    assert_eq!(there(5.02), (of(&["PA2", "PA4"]), of(&["PA3"])));
    assert_eq!(there(8.0), (of(&["PA2"]), of(&["PA3"])));
    assert_eq!(there(9.02), (vec![], vec![]), "nobody outlives the room");
}

#[test]
fn a_name_is_proved_or_that_is_said() {
    let hidden = json!({"identityHash": personal("eva").hash()});
    let mut history = history(&[
        (0.0, "token.registered", registered(5.0)),
        (0.0, "token.issued", issued(5.0)),
        (1.0, "participant.joined", joined("PA1", 1.0, hidden)),
    ]);
    assert!(history.subjects().iter().eq(["PA1", P, "t_j2"]));
    let row = |subject: &str, field: &str, value: &str| {
        let Personal { salt, value } = personal(value);
        (subject.to_owned(), field.to_owned(), salt, value)
    };
    let standing = |known: &Option<Known>| known.as_ref().map(|known| (known.standing, known.value.clone())).unwrap();
    let (entered, _) = history.entered(at(2.0));
    assert_eq!(standing(&entered[0].stay.identity), (Standing::Erased, None));
    assert_eq!(entered[0].door, None, "nobody knows any more whose token it was");

    history.name(&People::of(vec![
        row(P, "name", "Eve"),
        row("t_j2", "identity", "eva"),
        row("PA1", "identity", "eva"),
    ]));
    let could = history.could_enter(at(2.0));
    assert_eq!(standing(&could[0].door.name), (Standing::Mismatch, Some("Eve".to_owned())));
    assert_eq!(standing(&could[1].door.identity), (Standing::Proved, Some("eva".to_owned())));
    let (entered, _) = history.entered(at(2.0));
    assert_eq!(entered[0].by[0].fingerprint, "f2", "the same identity, proved in both places");
    history.name(&People::of(vec![row(P, "name", "Ana")]));
    assert_eq!(standing(&history.could_enter(at(2.0))[0].door.name), (Standing::Proved, Some("Ana".to_owned())));
}
