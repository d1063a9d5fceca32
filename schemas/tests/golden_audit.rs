//! The audit and the dead letters: one file per message and version, as in `golden.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod golden_file;

use avanzacast_schemas::{
    AuditKey, DeadMessage, DropDead, Envelope, ErasePerson, Erased, Event, EventProof, EventsPage, GetProof, GetTile,
    ListDead, ListEvents, NoteRefused, RedriveDead, SOURCE,
};
use golden_file::check;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TIME: &str = "2026-02-02T02:40:00.007Z";
const PARTICIPANT: &str = "p_abcdefghijklmnopqrstuvwx27";

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn refused() -> Value {
    json!([{"code": "credential_invalid", "network": "203.0.113.0/24", "count": 412}])
}

#[test]
fn what_is_asked() {
    let noted = json!({"from": TIME, "to": TIME, "refused": refused(), "more": 3});
    check("cmd.audit.refused.1", &read::<NoteRefused>(noted));
    let erase = |whom: Value| read::<ErasePerson>(json!({"whom": whom, "reason": "asked by letter"}));
    check("cmd.session.erase.1", &erase(json!({"participant": PARTICIPANT})));
    check("cmd.session.erase-user.1", &erase(json!({"user": 7})));
    check("qry.audit.tile.1", &read::<GetTile>(json!({"path": "0/x001/234.p/56"})));
    check("qry.audit.proof.1", &read::<GetProof>(json!({"seq": 12})));
    check("qry.audit.events.1", &read::<ListEvents>(json!({"after": 0})));
    let only = json!({"types": ["session.*"], "participant": PARTICIPANT, "room": "demo", "user": 7,
        "broadcast": "019c1c3f-0000-7000-8000-000000000001"});
    check("qry.audit.events-filtered.1", &read::<ListEvents>(json!({"after": 5, "through": 9, "only": only})));
}

#[test]
fn what_is_answered() {
    let key = json!({"origin": "studio.example.com/ledger", "vkey": "studio.example.com/ledger+a1b2c3d4+AZ",
        "before": []});
    check("reply.audit.key.1", &read::<AuditKey>(key));
    let proof = json!({"seq": 12, "event": "{}", "proof": "c2sp.org/tlog-proof@v1\n"});
    check("reply.audit.proof.1", &read::<EventProof>(proof));
    let page = json!({"through": 9, "end": 12, "first": 1, "events": ["{}"]});
    check("reply.audit.events.1", &read::<EventsPage>(page));
    check("reply.session.erased.1", &read::<Erased>(json!({"revoked": 1, "values": 2, "more": false})));
}

#[test]
fn dead_letters() {
    check("qry.dead.list.1", &read::<ListDead>(json!({"limit": 10})));
    check("cmd.dead.redrive.1", &read::<RedriveDead>(json!({"seq": 3})));
    check("cmd.dead.drop.1", &read::<DropDead>(json!({"seq": 3})));
    let listed = json!([{"seq": 3, "buriedAt": TIME, "subject": "cmd.token.register", "attempts": 1,
        "reason": "malformed: missing field"}]);
    check("reply.dead.list.1", &read::<Vec<DeadMessage>>(listed));
}

#[test]
fn events() {
    let actor = json!({"kind": "operator"});
    let erased = json!({"actor": actor, "participant": PARTICIPANT, "values": 2, "reason": "asked by letter"});
    event(&Event::PersonErased(read(erased)));
    let expired = json!({"actor": {"kind": "sweep"}, "count": 31, "before": TIME});
    event(&Event::PersonExpired(read(expired)));
    let requests = json!({"actor": {"kind": "anonymous"}, "from": TIME, "to": TIME, "refused": refused(), "more": 3});
    event(&Event::RequestsRefused(read(requests)));
    let archived = json!({"actor": actor, "first": 1, "last": 512, "root": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "file": "000000000001-000000000512.ndjson.zst",
        "sha256": "7d793037a0760186574b0282f2f435e7d793037a0760186574b0282f2f435e75"});
    event(&Event::LedgerArchived(read(archived)));
    let gap = json!({"actor": actor, "previousLedgerId": "019c1c3f-0000-7000-8000-000000000001", "previousSize": 40,
        "previousOrigin": "studio.example.com/ledger", "previousCheckpoint": "studio.example.com/ledger\n41\n",
        "reason": "the backup of Friday was the newest"});
    event(&Event::LedgerGap(read(gap)));
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
