//! What is known of somebody.

use avanzacast_tests::{Stack, eventually, on_both_databases};
use serde_json::{Value, json};

use super::{answer, each, participant, registered, session, tell};

async fn somebody_is_found(stack: &Stack) {
    let keeper = stack.api().with_secret(stack.secret());
    let user = json!({"email": "Ána.López@example.org", "username": "ana", "displayName": "Ana"});
    let user = keeper.post("/api/users", &user).await.expect(201).body["id"].as_i64().unwrap();
    let (blue, red) = (session(stack, "blue", "Ana").await, session(stack, "red", "Ana").await);
    session(stack, "blue", "Anastasia").await;
    stack.api().post_empty(&format!("/api/session/{}/consume", blue.str("id"))).await.expect(200);
    keeper.delete(&format!("/api/session/{}", red.str("id"))).await.expect(204);
    let luis = registered(stack, "demo", "luis", user).await;
    stack.api().get("/api/token?room=demo&username=luis").await.expect(200);
    tell(stack, "participant_joined", "PA_1", "luis").await;
    tell(stack, "participant_joined", "PA_2", "mallory").await;
    eventually("both are known", async || stack.events_of_type("participant.joined").len() == 2).await;
    let unindexed = by_every_name(stack);
    stack.until_indexed().await;
    let found = by_every_name(stack);
    assert_eq!(without_reach(&found), without_reach(&unindexed), "however far the index reaches");

    let [name, email, identity, stranger, nobody] = found;
    let luis = avanzacast_schemas::SessionId::try_from(luis).unwrap().participant().to_string();
    // The user who is called Ana registered one for somebody else.
    assert_eq!(each(&name["sessions"], "participant"), [participant(&blue), participant(&red), luis.clone()]);
    assert_eq!(each(&name["sessions"], "state"), ["consumed", "revoked", "open"]);
    assert_eq!(each(&name["sessions"], "room"), ["blue", "red", "demo"]);
    assert_eq!((&name["users"][0]["id"], &name["users"][0]["displayName"]), (&json!(user), &json!("Ana")));
    assert_eq!((&email["users"][0]["id"], email["users"].as_array().unwrap().len()), (&json!(user), 1));
    assert_eq!(each(&email["sessions"], "participant"), [luis.as_str()], "what the user registered");
    assert_eq!(each(&identity["sessions"], "participant"), [luis.as_str(), "-"], "and a token without a session");
    assert_eq!(each(&identity["sessions"][0]["stays"], "sid"), ["PA_1"]);
    assert_eq!((&stranger["sessions"], each(&stranger["stays"], "sid")), (&json!([]), vec!["PA_2"]));
    assert_eq!(stranger["stays"][0]["identity"]["standing"], "proved");
    assert_eq!((&nobody["sessions"], &nobody["users"], &nobody["stays"]), (&json!([]), &json!([]), &json!([])));
    let told = stack.audited(&["find", "--name", "Ana"]);
    assert!(told.contains("sessions and tokens (3)") && told.contains("room red, now revoked"), "{told}");
    // A name is data, and not a part of the question.
    assert_eq!(answer(stack, &["find", "--name", "Ana' OR '1'='1"])["sessions"], json!([]));
    assert_eq!(answer(stack, &["find", "--name", "aNA"])["sessions"], json!([]), "a name is taken exactly");
}

fn by_every_name(stack: &Stack) -> [Value; 5] {
    [
        &["--name", "Ana"],
        &["--email", "ÁNA.lópez@EXAMPLE.org"],
        &["--identity", "luis"],
        &["--identity", "mallory"],
        &["--email", "nobody@example.org"],
    ]
    .map(|arguments| answer(stack, &[&["find"][..], arguments].concat()))
}

fn without_reach(found: &[Value; 5]) -> Vec<Value> {
    let without = |one: &Value| {
        let mut one = one.clone();
        one["indexed"] = Value::Null;
        one
    };
    found.iter().map(without).collect()
}

on_both_databases!(somebody_is_found, [], rooms: 1, audits: 1);
