//! Users, from outside, on both databases: nobody has another's address or name, and no event says who anybody is.

use avanzacast_tests::{Api, Stack, on_both_databases};
use futures::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn manager(stack: &Stack) -> Api {
    stack.api().with_secret(stack.secret())
}

fn user(email: &str, username: &str) -> Value {
    json!({"email": email, "username": username})
}

fn count(stack: &Stack, what: &str) -> usize {
    stack.query(&format!("SELECT count(*) FROM {what}")).parse().unwrap()
}

async fn a_user_is_made_and_looked_at(stack: &Stack) {
    let api = manager(stack);
    let body = json!({"email": "Ana@Example.com", "username": "Ana", "displayName": "Ana López", "isAdmin": true});
    let made = api.post("/api/users", &body).await.expect(201);
    assert_eq!(made.header("location"), Some(format!("/api/users/{}", made.int("id")).as_str()));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let members: Vec<&String> = made.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["createdAt", "displayName", "email", "id", "isAdmin", "username"]);
    assert_eq!((made.str("email"), made.str("username")), ("Ana@Example.com", "Ana"), "as they were given");
    assert_eq!((made.str("displayName"), &made.body["isAdmin"]), ("Ana López", &Value::Bool(true)));
    let seen = api.get(&format!("/api/users/{}", made.int("id"))).await.expect(200);
    assert_eq!(seen.body, made.body);
    let plain = api.post("/api/users", &user("bo@example.com", "bo")).await.expect(201);
    assert_eq!((&plain.body["displayName"], &plain.body["isAdmin"]), (&Value::Null, &Value::Bool(false)));
    assert_eq!(plain.int("id"), made.int("id") + 1);
    assert_eq!(api.get(&format!("/api/users/{}", plain.int("id"))).await.expect(200).body, plain.body);
}

async fn an_address_and_a_name_are_one_users_whatever_their_case(stack: &Stack) {
    let api = manager(stack);
    api.post("/api/users", &user("Eva@Example.com", "EvÁ")).await.expect(201);
    for email in ["Eva@Example.com", "eva@example.com", "EVA@EXAMPLE.COM"] {
        api.post("/api/users", &user(email, "somebody else")).await.problem(409, "email_taken");
    }
    for username in ["EvÁ", "evá", "EVÁ"] {
        api.post("/api/users", &user("else@example.com", username)).await.problem(409, "username_taken");
    }
    api.post("/api/users", &user("else@example.com", "eva")).await.expect(201);
}

/// Promise: of any number of callers one gets an address, whichever batches they meet in.
async fn of_many_at_once_one_gets_it(stack: &Stack) {
    let before = (count(stack, "account"), stack.ledger().len());
    let api = manager(stack);
    for (round, code) in [(0, "email_taken"), (1, "username_taken")] {
        let bodies: Vec<Value> = (0..20)
            .map(|n| match round {
                0 if n % 2 == 0 => user("race@example.com", &format!("racer {n}")),
                0 => user("RACE@example.com", &format!("racer {n}")),
                _ => user(&format!("racer{n}@example.com"), if n % 2 == 0 { "rúnner" } else { "RÚNNER" }),
            })
            .collect();
        let answers = join_all(bodies.iter().map(|body| api.post("/api/users", body))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1, "{won:#?}");
        lost.into_iter().for_each(|answer| drop(answer.problem(409, code)));
    }
    assert_eq!((count(stack, "account"), stack.ledger().len()), (before.0 + 2, before.1 + 2));
}

async fn what_is_not_a_user_is_refused(stack: &Stack) {
    let api = manager(stack);
    let before = count(stack, "account");
    let long = format!("{}@{}.example.com", "l".repeat(64), "d".repeat(63).repeat(3));
    for email in [
        "",
        "ana",
        "ana@",
        "@example.com",
        "a@b@c",
        "Ana <ana@example.com>",
        "ana@exam ple.com",
        " ana@example.com",
        "ana@example.com\n",
        "ana\u{0}@example.com",
        "ana..l@example.com",
        "a@example.com,b@example.com",
        &long,
    ] {
        api.post("/api/users", &user(email, "nobody")).await.problem(400, "malformed");
    }
    for username in ["", "  ", "a\u{7}", &"é".repeat(129)] {
        api.post("/api/users", &user("nobody@example.com", username)).await.problem(400, "malformed");
    }
    for more in [
        json!({"displayName": ""}),
        json!({"displayName": 7}),
        json!({"displayName": "a\nb"}),
        json!({"isAdmin": "true"}),
        json!({"isAdmin": 1}),
        json!({"email": ["nobody@example.com"]}),
        json!({"username": null}),
    ] {
        let mut body = user("nobody@example.com", "nobody");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.post("/api/users", &body).await.problem(400, "malformed");
    }
    api.post("/api/users", &json!({"email": "nobody@example.com"})).await.problem(400, "malformed");
    assert_eq!(count(stack, "account"), before);
}

async fn what_the_server_decides_cannot_be_sent(stack: &Stack) {
    let body = json!({"email": "mass@example.com", "username": "mass", "id": 1, "createdAt": "2000-01-01T00:00:00Z",
        "created_at": 1, "is_admin": true, "emailKey": "x", "actor": {"kind": "operator"}, "unknown": {"a": [1]}});
    let made = manager(stack).post("/api/users", &body).await.expect(201);
    assert!(made.int("id") > 1 && !made.str("createdAt").starts_with("2000"), "{made:#?}");
    assert_eq!(made.body["isAdmin"], Value::Bool(false), "{made:#?}");
}

async fn who_is_not_there_is_not_found(stack: &Stack) {
    let api = manager(stack);
    for id in ["0", "-1", "+1", "01", "1.0", "9223372036854775807", "9223372036854775808", "ana", "1%20", "%31x"] {
        api.get(&format!("/api/users/{id}")).await.problem(404, "user_not_found");
    }
}

async fn a_repetition_makes_nobody_twice(stack: &Stack) {
    let keyed = manager(stack).with("idempotency-key", "the-key-of-one-user");
    let before = count(stack, "account");
    let first = keyed.post("/api/users", &user("once@example.com", "once")).await.expect(201);
    let again = keyed.post("/api/users", &user("once@example.com", "once")).await.expect(201);
    assert_eq!((first.text, first.headers.get("location")), (again.text, again.headers.get("location")));
    keyed.post("/api/users", &user("twice@example.com", "twice")).await.problem(422, "idempotency_key_reused");
    assert_eq!(count(stack, "account"), before + 1);
}

/// Promise 7: the ledger holds hashes, which the values prove as long as they are kept.
async fn the_ledger_says_who_only_by_hashes(stack: &Stack) {
    let body = json!({"email": "Secret@example.com", "username": "Clandestine", "displayName": "Hidden Name"});
    let made = manager(stack).post("/api/users", &body).await.expect(201);
    let id = made.int("id");
    let events = stack.ledger();
    let event: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!((&event["type"], &event["data"]["user"]), (&json!("user.created"), &json!(id)));
    assert_eq!(event["data"]["actor"], json!({"kind": "key", "name": "register"}));
    for (field, member) in [("email", "emailHash"), ("username", "usernameHash"), ("displayName", "displayNameHash")] {
        let row =
            stack.query(&format!("SELECT salt, value FROM person WHERE subject = 'user_{id}' AND field = '{field}'"));
        let (salt, value) = row.split_once('|').unwrap();
        let salt = data_encoding::HEXLOWER.decode(salt.as_bytes()).unwrap();
        let hash = Sha256::new().chain_update(salt).chain_update(value).finalize();
        assert_eq!(event["data"][member], data_encoding::HEXLOWER.encode(&hash), "{field}");
        assert_eq!(value, body[field].as_str().unwrap());
    }
    let inbox = stack.query("SELECT decision FROM inbox");
    for kept in [events.join("\n"), inbox] {
        let kept = kept.to_lowercase();
        for secret in ["secret@example.com", "clandestine", "hidden name", "eva@example.com", "race@example.com"] {
            assert!(!kept.contains(secret), "{secret} is kept for good");
        }
    }
}

/// What erasing a person comes to: the user stays, and says nothing any more.
async fn an_erased_user_reads_as_nobody(stack: &Stack) {
    let api = manager(stack);
    let made = api.post("/api/users", &user("gone@example.com", "gone")).await.expect(201);
    let id = made.int("id");
    stack.query(&format!("DELETE FROM person WHERE subject = 'user_{id}'"));
    stack.query(&format!("UPDATE account SET email_key = NULL, username_key = NULL WHERE id = {id}"));
    let seen = api.get(&format!("/api/users/{id}")).await.expect(200);
    assert_eq!((seen.str("email"), seen.str("username"), &seen.body["displayName"]), ("", "", &Value::Null));
    let next = api.post("/api/users", &user("gone@example.com", "gone")).await.expect(201);
    assert_eq!(next.int("id"), id + 1, "an id is never given twice");
}

async fn users_are_for_managers(stack: &Stack) {
    let before = count(stack, "account");
    let anybody = stack.api();
    anybody.post("/api/users", &user("nobody@example.com", "nobody")).await.problem(401, "credential_required");
    anybody.get("/api/users/1").await.problem(401, "credential_required");
    let wrong = anybody.with_secret("wrong");
    wrong.post("/api/users", &user("nobody@example.com", "nobody")).await.problem(401, "credential_invalid");
    assert_eq!(count(stack, "account"), before);
}

async fn users(stack: &Stack) {
    users_are_for_managers(stack).await;
    a_user_is_made_and_looked_at(stack).await;
    an_address_and_a_name_are_one_users_whatever_their_case(stack).await;
    of_many_at_once_one_gets_it(stack).await;
    what_is_not_a_user_is_refused(stack).await;
    what_the_server_decides_cannot_be_sent(stack).await;
    who_is_not_there_is_not_found(stack).await;
    a_repetition_makes_nobody_twice(stack).await;
    the_ledger_says_who_only_by_hashes(stack).await;
    an_erased_user_reads_as_nobody(stack).await;
}

on_both_databases!(users);
