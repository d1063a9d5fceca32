//! What the console asks of the ledger, and the answers: one file per message and version, as in `golden.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use avanzacast_schemas::{
    CountEvents, EventCount, EventsPage, LedgerState, ListEvents, ListSessions, Page,
    who::{AskWho, WhoPart},
};
use golden_file::check;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TIME: &str = "2026-02-02T02:40:00.007Z";
const LATER: &str = "2026-02-02T02:45:00.007Z";
const PARTICIPANT: &str = "p_fogkuxfwkgewsrvabnfa6sk32m";

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_is_asked() {
    check("qry.audit.counts.1", &read::<CountEvents>(json!({"from": TIME, "to": LATER})));
    check("qry.audit.counts-next.1", &read::<CountEvents>(json!({"from": TIME, "to": LATER, "cursor": "MS4yLmEuYg"})));
    check("qry.audit.events-time.1", &read::<ListEvents>(json!({"after": 0, "from": TIME, "to": LATER})));
    let about = json!({"about": {"room": "demo"}, "period": {"from": TIME, "to": TIME}});
    check("qry.audit.who.1", &read::<AskWho>(about));
    let next = json!({"about": {"session": PARTICIPANT}, "through": 9, "skip": 70});
    check("qry.audit.who-next.1", &read::<AskWho>(next));
    check("qry.session.list-called.1", &read::<ListSessions>(json!({"username": "ana", "room": "demo"})));
}

#[test]
fn where_the_ledger_stands() {
    let signed = json!({"size": 9, "root": "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "at": TIME});
    let state = json!({"origin": "studio.example.com/ledger", "size": 12,
        "root": "5dfap3mgZZqatVZZpQeaTZ0bCIhqcwAAAAAAAAAAAAA=", "indexed": 11, "signed": signed});
    check("reply.audit.ledger.1", &read::<LedgerState>(state));
    let empty = json!({"origin": "studio.example.com/ledger", "size": 0,
        "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "indexed": 0});
    check("reply.audit.ledger-empty.1", &read::<LedgerState>(empty));
}

#[test]
fn pages() {
    let counts = json!({"items": [{"hour": "2026-02-02T02:00:00.000Z", "type": "session.consumed", "count": 7}],
        "next": "MS4yLmEuYg"});
    check("reply.audit.counts.1", &read::<Page<EventCount>>(counts));
    let page = json!({"through": 9, "end": 12, "first": 1, "last": 10, "events": ["{}"]});
    check("reply.audit.events-time.1", &read::<EventsPage>(page));
}

#[test]
fn who_was_there() {
    let happened = |seq: u64| json!({"seq": seq, "at": TIME, "actor": {"kind": "key", "name": "panel"}});
    let hash = "ab".repeat(32);
    let known = json!({"value": "Ana", "standing": "proved", "hash": hash});
    let grants = json!({"roomJoin": true, "canPublish": true, "canSubscribe": true, "canPublishData": true});
    let token = json!({"jti": "j1", "fingerprint": hash, "issuer": "APIkey", "origin": "minted", "how": "registered",
        "grants": grants, "seq": 1, "at": TIME, "actor": {"kind": "anonymous"}, "expiresAt": LATER, "until": LATER});
    let door = json!({"participant": PARTICIPANT, "room": "demo", "name": known, "role": "guest", "singleUse": true,
        "made": happened(1), "expiresAt": LATER, "tokens": [token], "consumed": happened(2), "resumeUntil": LATER});
    let mut could = door.clone();
    could["ways"] = json!([
        {"means": "token", "fingerprint": hash, "from": TIME, "until": LATER}, {"means": "refreshed", "from": TIME}]);
    let seen = json!({"seq": 3, "at": TIME, "source": "webhook"});
    let stay = json!({"sid": "PA_1", "room": "demo", "roomSid": "RM_1", "participant": PARTICIPANT, "joined": seen});
    let mut entered = stay.clone();
    entered["door"] = door;
    entered["by"] = json!([token]);
    entered["refreshed"] = json!(false);
    let left = json!({"seq": 5, "at": LATER, "source": "reconciliation", "reason": "CLIENT_INITIATED"});
    let mut stranger = stay;
    stranger["participant"] = Value::Null;
    stranger["identity"] = json!({"standing": "erased", "hash": hash});
    stranger["left"] = left;
    stranger["unknown"] = json!(4);
    let gap = json!({"seq": 6, "from": TIME, "to": LATER, "joined": 1, "left": 0});
    let limits = json!({"size": 9, "indexed": 8, "archived": 0, "gaps": [gap], "knownUntil": LATER});
    let answer = json!({"room": "demo", "period": {"from": TIME, "to": LATER}, "couldEnter": [could],
        "entered": [entered], "strangers": [stranger], "notCovered": limits});
    check("reply.audit.who.1", &read::<WhoPart>(json!({"answer": answer, "more": true})));
}
