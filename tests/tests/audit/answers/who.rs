//! Who could enter, who did, and who did without a token of ours.

use std::time::Duration;

use avanzacast_tests::{Postgres, Stack, StackOptions, eventually, on_both_databases, require};
use serde_json::{Value, json};

use super::{answer, each, now, participant, registered, session, tell};

/// Ana by a session, Eva by a token without one, Luis by a token from elsewhere, Mallory by nothing of ours.
struct Room {
    ana: String,
    ana_id: String,
    luis: String,
    before: String,
    full: String,
}

impl Room {
    async fn fill(stack: &Stack) -> Self {
        let before = now();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let ana = session(stack, "demo", "Ana").await;
        stack.api().get("/api/token?room=demo&username=eva").await.expect(200);
        let luis = registered(stack, "demo", "luis", 7).await;
        session(stack, "elsewhere", "Ana").await;
        let (ana_id, ana) = (ana.str("id").to_owned(), participant(&ana));
        for (sid, identity) in [("PA_1", ana.as_str()), ("PA_2", "eva"), ("PA_3", "luis"), ("PA_4", "mallory")] {
            tell(stack, "participant_joined", sid, identity).await;
        }
        eventually("the stranger is reported", async || stack.events_of_type("participant.unknown").len() == 1).await;
        let luis = avanzacast_schemas::SessionId::try_from(luis).unwrap().participant().to_string();
        Self { ana, ana_id, luis, before, full: now() }
    }
}

fn at(stack: &Stack, moment: &str) -> Value {
    answer(stack, &["who", "--room", "demo", "--at", moment])
}

fn who_could_and_did(stack: &Stack, room: &Room) {
    let empty = at(stack, &room.before);
    for list in ["couldEnter", "entered", "strangers"] {
        assert_eq!(empty[list], json!([]), "{list} before anything happened");
    }
    let full = at(stack, &room.full);
    let could = &full["couldEnter"];
    assert_eq!(each(could, "participant"), [room.ana.as_str(), "-", room.luis.as_str()]);
    let names = |list: &Value, field: &str| -> Vec<(Value, Value)> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| (one[field]["value"].clone(), one[field]["standing"].clone())).collect()
    };
    let proved = |name: &str| (json!(name), json!("proved"));
    assert_eq!(names(could, "name"), [proved("Ana"), (Value::Null, Value::Null), proved("luis")]);
    assert_eq!(names(could, "identity"), [(Value::Null, Value::Null), proved("eva"), proved("luis")]);
    assert_eq!(could[2]["createdBy"], 7);
    let token = &could[0]["tokens"][0];
    let event = &stack.events_of(&room.ana)[0];
    for field in ["jti", "fingerprint", "issuer", "origin"] {
        assert_eq!(token[field], event["data"][field], "{field}");
    }
    let moment = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(moment(&token["until"]), moment(&event["data"]["tokenExpiresAt"]) + 60_000, "LiveKit's leeway");
    assert_eq!(each(&could[0]["ways"], "means"), ["link", "token", "refreshed"]);

    let entered = &full["entered"];
    assert_eq!(each(entered, "sid"), ["PA_1", "PA_2", "PA_3"]);
    let by: Vec<&Value> = (0..3).map(|n| &entered[n]["by"][0]["fingerprint"]).collect();
    assert_eq!(by, [0, 1, 2].map(|n| &could[n]["tokens"][0]["fingerprint"]), "each came by their own");
    assert_eq!(each(&full["strangers"], "sid"), ["PA_4"]);
    assert_eq!(full["strangers"][0]["identity"]["value"], "mallory");
    let told = stack.audited(&["who", "--room", "demo", "--at", &room.full]);
    for expected in ["could enter (3)", "entered (3)", "entered without a token of ours (1)", "mallory (proved)"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert_eq!(at(stack, &room.full)["couldEnter"], at(stack, &zoned(&room.full))["couldEnter"]);
}

/// The same moment, as somebody elsewhere writes it.
fn zoned(moment: &str) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
    moment.parse::<jiff::Timestamp>().unwrap().to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.9f%:z").to_string()
}

/// Whoever is revoked could enter before, and not afterwards; what was is still said.
async fn one_session(stack: &Stack, room: &Room) {
    stack.api().post_empty(&format!("/api/session/{}/consume", room.ana_id)).await.expect(200);
    let used = now();
    let keeper = stack.api().with_secret(stack.secret());
    keeper.delete(&format!("/api/session/{}", room.ana_id)).await.expect(204);
    tell(stack, "participant_left", "PA_1", &room.ana).await;
    eventually("she left", async || stack.events_of_type("participant.left").len() == 1).await;
    // By LiveKit's clock, which counts in seconds, she may have left a second ago.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let left = now();
    let could = |moment: &str| each(&at(stack, moment)["couldEnter"], "participant").contains(&room.ana.as_str());
    assert!(could(&room.full) && could(&used) && !could(&left));
    assert_eq!(each(&at(stack, &left)["entered"], "sid"), ["PA_2", "PA_3"]);
    for whom in [&room.ana_id, &room.ana] {
        let one = answer(stack, &["who", "--session", whom]);
        assert_eq!((one["participant"].as_str(), &one["strangers"]), (Some(room.ana.as_str()), &json!([])));
        let door = &one["couldEnter"][0];
        assert_eq!(one["couldEnter"].as_array().unwrap().len(), 1);
        assert!(door["consumed"]["seq"].is_u64() && door["revoked"]["actor"]["kind"] == "key", "{door}");
        assert_eq!(each(&one["entered"], "sid"), ["PA_1"]);
        assert_eq!(one["entered"][0]["left"]["source"], "webhook");
    }
    let period = answer(stack, &["who", "--room", "demo", "--from", &room.before, "--to", &left]);
    assert_eq!(each(&period["entered"], "sid"), ["PA_1", "PA_2", "PA_3"]);
}

/// A name that is not the one that the ledger means is shown as such; one that is gone, by its hash.
fn names_are_proved(stack: &Stack, room: &Room) {
    let (ana, luis) = (&room.ana, &room.luis);
    stack.query(&format!("UPDATE person SET value = 'Eve' WHERE subject = '{ana}' AND field = 'name'"));
    stack.query(&format!("DELETE FROM person WHERE subject = '{luis}'"));
    let could = &at(stack, &room.full)["couldEnter"];
    assert_eq!((&could[0]["name"]["value"], &could[0]["name"]["standing"]), (&json!("Eve"), &json!("mismatch")));
    assert_eq!((&could[2]["name"]["value"], &could[2]["name"]["standing"]), (&Value::Null, &json!("erased")));
    assert_eq!(could[2]["name"]["hash"], stack.events_of(luis)[0]["data"]["nameHash"]);
    let told = stack.audited(&["who", "--room", "demo", "--at", &room.full]);
    assert!(told.contains("Eve (NOT what the ledger says") && told.contains("(erased, "), "{told}");
}

async fn who(stack: &Stack) {
    let room = Room::fill(stack).await;
    stack.until_indexed().await;
    who_could_and_did(stack, &room);
    one_session(stack, &room).await;
    names_are_proved(stack, &room);
}

on_both_databases!(who, [], rooms: 1, audits: 1);

/// Where there is no index yet, the answer is the same, and says so.
#[tokio::test]
async fn the_answer_does_not_depend_on_how_far_the_index_reaches() {
    require!(Postgres::available());
    let stack = Stack::postgres(StackOptions { rooms: 1, ..Default::default() }).await;
    let room = Room::fill(&stack).await;
    let without = [at(&stack, &room.full), answer(&stack, &["who", "--session", &room.ana])];
    assert_eq!(without[0]["notCovered"]["indexed"], 0);
    assert!(stack.audited(&["who", "--room", "demo", "--at", &room.full]).contains("looked at one by one"));
    let worker = stack.start_audit();
    drop(worker.wait_for_log("ready"));
    stack.until_indexed().await;
    let with = [at(&stack, &room.full), answer(&stack, &["who", "--session", &room.ana])];
    assert_eq!(with[0]["notCovered"]["indexed"], with[0]["notCovered"]["size"]);
    for (with, without) in with.iter().zip(&without) {
        for list in ["couldEnter", "entered", "strangers"] {
            assert_eq!(with[list], without[list], "{list}");
        }
    }
}

#[test]
fn usage_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(avanzacast_tests::binary());
        command.arg("audit").args(arguments).env_clear().current_dir(folder.path()).output().unwrap()
    };
    for wrong in [
        &["who"][..],
        &["who", "--room", "a", "--session", "abcd"],
        &["who", "--room", "a", "--at", "2026-02-02T02:40:00"],
        &["who", "--room", "a", "--at", "yesterday"],
        &["who", "--room", "a", "--at", "2026-02-02T02:40:00Z", "--from", "2026-02-02T02:40:00Z"],
        &["who", "--room", "a", "--from", "2026-02-02T02:40:01Z", "--to", "2026-02-02T02:40:00Z"],
        &["who", "--broadcast", "7"],
        &["find"],
        &["find", "--name", "a", "--email", "b"],
        &["replay", "--from", "1", "--after", "1"],
        &["replay", "--follow", "--to", "7"],
        &["replay", "--user", "ana"],
        &["replay", "--broadcast", "7"],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
    for nothing in [&["who", "--room", "a"][..], &["find", "--name", "a"]] {
        let output = run(nothing);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("there is no ledger"), "{output:?}");
    }
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
}
