//! Erasing. Promises: what somebody was called stands nowhere any more, neither in a table, nor in the cache, nor in a dead
//! letter; nothing of theirs lets anybody in; the ledger says that it was done, and everything still verifies.

use std::fs;

use async_nats::{HeaderMap, jetstream};
use avanzacast_schemas::bus::{BusUser, bucket};
use avanzacast_tests::{Answer, LiveKitKey, LiveStudio, Stack, StackOptions, eventually, on_both_databases, require};
use serde_json::{Value, json};

/// One name stands in no other's text.
const ANA: &str = "Ana Quetzalcóatl";
const BOB: &str = "bob-el-foráneo";
const REASON: &str = "asked for by letter of 2 February";

async fn link(stack: &Stack, name: &str) -> Answer {
    let body = json!({"room": "demo", "username": name, "singleUse": true});
    stack.api().post("/api/session", &body).await.expect(201)
}

/// A token that another server signed, registered by a user under this id.
async fn registered(stack: &Stack, id: &str, identity: &str, user: Option<i64>) -> String {
    let (name, secret) = stack.signing_key();
    let token = LiveKitKey::new(name, secret).token(identity, "demo");
    let body = json!({"sessionId": id, "token": token, "createdBy": user});
    stack.api().with_secret(stack.secret()).post("/api/tokens", &body).await.expect(201);
    token
}

fn participant(id: &str) -> String {
    avanzacast_schemas::SessionId::try_from(id.to_owned()).unwrap().participant().as_str().to_owned()
}

fn erase(stack: &Stack, whom: [&str; 2]) -> Value {
    let output = stack.operate(&["audit", "erase", whom[0], whom[1], "--reason", REASON, "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(stack: &Stack, what: &str) -> usize {
    stack.query(&format!("SELECT count(*) FROM {what}")).parse().unwrap()
}

/// The tables in which a text stands anywhere.
fn stands_in(stack: &Stack, text: &str) -> Vec<String> {
    let (tables, row) = if stack.is_sqlite() {
        let columns = "(SELECT group_concat('coalesce(CAST(' || c.name || ' AS TEXT), '''')', ' || ') \
                       FROM pragma_table_info(m.name) c)";
        (format!("SELECT m.name || '|' || {columns} FROM sqlite_master m WHERE m.type = 'table'"), None)
    } else {
        let all = "SELECT table_name || '|' FROM information_schema.tables WHERE table_schema = 'public'";
        (all.to_owned(), Some("row_to_json(t)::text"))
    };
    let tables = stack.query(&tables);
    let named = tables.lines().filter_map(|line| line.split_once('|'));
    let found = named.filter(|(table, columns)| {
        let row = row.unwrap_or(columns);
        count(stack, &format!("{table} t WHERE {row} LIKE '%{text}%'")) > 0
    });
    found.map(|(table, _)| table.to_owned()).collect()
}

async fn nowhere(stack: &Stack, text: &str) {
    // Until the dead letters have been looked through, the text waits in a table of its own.
    eventually("nothing waits to be looked for", async || stands_in(stack, text) != ["scrub"]).await;
    assert_eq!(stands_in(stack, text), Vec::<String>::new(), "{text} still stands there");
}

/// LiveKit is away here: until it is back, or for a week, it stands there whom to put out then.
fn only_to_be_put_out(stack: &Stack, identity: &str) {
    assert_eq!(stands_in(stack, identity), ["scrub"]);
}

fn sound(stack: &Stack) {
    assert!(stack.audited(&["verify"]).starts_with("size "));
}

async fn cached(stack: &Stack, id: &str) -> String {
    let jetstream = jetstream::new(stack.bus_as(BusUser::Admin).await);
    let bucket = jetstream.get_key_value(bucket::SESSIONS).await.unwrap();
    bucket.get(id).await.unwrap().map_or_else(String::new, |entry| String::from_utf8_lossy(&entry).into_owned())
}

/// A link that was not used, one that was, and a token from outside.
async fn whom_sessions_let_in(stack: &Stack) {
    let (open, used) = (link(stack, ANA).await, link(stack, ANA).await);
    let other = link(stack, "Eva").await;
    stack.api().post_empty(&format!("/api/session/{}/consume", used.str("id"))).await.expect(200);
    let token = registered(stack, "from-outside", BOB, None).await;
    assert_eq!(stands_in(stack, ANA), ["person"]);
    for (id, name) in [(open.str("id"), ANA), (used.str("id"), ANA), ("from-outside", BOB)] {
        let seen = stack.api().get(&format!("/api/session/{id}")).await;
        assert!(cached(stack, id).await.contains(name) || seen.status == 410, "or this test proves nothing");
        assert_eq!(erase(stack, ["--session", id])["revoked"], 1);
        stack.api().get(&format!("/api/session/{id}")).await.problem(410, "session_revoked");
        stack.api().post_empty(&format!("/api/session/{id}/consume")).await.problem(410, "session_revoked");
        assert!(!cached(stack, id).await.contains(name));
        assert_eq!(erase(stack, ["--session", id]), json!({"revoked": 0, "values": 0}), "again is nothing new");
        let told = stack.events_of(&participant(id)).pop().unwrap();
        assert_eq!((&told["type"], &told["data"]["reason"]), (&json!("person.erased"), &json!(REASON)));
    }
    nowhere(stack, ANA).await;
    nowhere(stack, token.rsplit('.').next().unwrap()).await;
    only_to_be_put_out(stack, BOB);
    let replayed = stack.audited(&["replay", "--session", open.str("id"), "--source", "ledger"]);
    assert!(replayed.contains("nameHash") && !replayed.contains(ANA), "the hash stands where the name was");
    stack.api().get(&format!("/api/session/{}", other.str("id"))).await.expect(200);
    let nobody = stack.operate(&["audit", "erase", "--session", "nobody-is-this", "--reason", REASON]);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
}

/// More sessions than one command erases, a user's own names, and both free for somebody else.
async fn a_user_and_their_guests(stack: &Stack) {
    let api = stack.api().with_secret(stack.secret());
    let ana = json!({"email": "quetzal@example.com", "username": ANA, "displayName": "La Quetzal"});
    let user = api.post("/api/users", &ana).await.expect(201).int("id");
    let path = format!("/api/users/{user}?reason=letter");
    for n in 0..205 {
        registered(stack, &format!("guest-{n:03}"), &format!("{BOB}-{n}"), Some(user)).await;
    }
    assert_eq!(api.delete(&path).await.expect(204).text, "");
    api.delete(&path).await.expect(204);
    for text in [ANA, "quetzal@example.com", "La Quetzal"] {
        nowhere(stack, text).await;
    }
    only_to_be_put_out(stack, BOB);
    assert_eq!(
        stack.events_of_type("person.erased").iter().filter(|event| event["data"]["reason"] == "letter").count(),
        206
    );
    for id in ["guest-000", "guest-204"] {
        stack.api().get(&format!("/api/session/{id}")).await.problem(410, "session_revoked");
    }
    let left = api.get(&format!("/api/users/{user}")).await.expect(200);
    assert_eq!((left.str("email"), left.str("username")), ("", ""));
    api.post("/api/users", &ana).await.expect(201);
}

/// What names them in a dead letter goes, and other letters stay.
async fn dead_letters_too(stack: &Stack) {
    let jetstream = jetstream::new(stack.bus_as(BusUser::Admin).await);
    let dead = async || jetstream.get_stream("DEAD").await.unwrap().cached_info().state.messages;
    let before = dead().await;
    let made = link(stack, "Itzel Única").await;
    let bodies = [json!({"username": "Itzel Única"}), json!({"username": "Itzel"}), json!([made.str("id")])];
    for body in bodies.iter().map(Value::to_string).chain(["cut off: Itzel Única, and mor".to_owned()]) {
        let sent = jetstream.publish_with_headers("cmd.token.register", HeaderMap::new(), body.into()).await.unwrap();
        sent.await.unwrap();
    }
    eventually("all are buried", async || dead().await == before + 4).await;
    erase(stack, ["--session", made.str("id")]);
    eventually("one letter is left", async || dead().await == before + 1).await;
    nowhere(stack, "Itzel Única").await;
}

/// Not even in what the file has no use for any more.
async fn the_file_has_no_remains(stack: &Stack) {
    if stack.is_sqlite() {
        let said = |file: &str, text: &str| {
            let file = fs::read(stack.data_dir().join(file)).unwrap_or_default();
            file.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let files = ["avanzacast.db", "avanzacast.db-wal"];
        eventually("nothing is left in any file", async || {
            !files.into_iter().any(|file| said(file, ANA) || said(file, "Itzel"))
        })
        .await;
        assert!(said("avanzacast.db", "demo"), "what stands there can be found");
    }
}

async fn erasing(stack: &Stack) {
    whom_sessions_let_in(stack).await;
    the_file_has_no_remains(stack).await;
    a_user_and_their_guests(stack).await;
    dead_letters_too(stack).await;
    sound(stack);
    let rebuilt = format!("sqlite:{}", stack.data_dir().join("rebuilt.db").display());
    assert!(stack.audited(&["rebuild", "--into", &rebuilt]).contains("\nlive     "), "state is what events say");
    let usage = stack.operate(&["audit", "erase", "--user", "1"]);
    assert_eq!(usage.status.code(), Some(2), "no reason: {usage:?}");
}

on_both_databases!(erasing, [], rooms: 1, audits: 1);

/// What is older than `PERSON_RETENTION_DAYS` goes by itself; what users are called stays.
async fn what_is_old(stack: &Stack) {
    let api = stack.api().with_secret(stack.secret());
    let user = json!({"email": "quetzal@example.com", "username": ANA});
    let user = api.post("/api/users", &user).await.expect(201).int("id");
    link(stack, BOB).await;
    let young = link(stack, "Eva la joven").await;
    let age = |days: u64| format!("UPDATE person SET recorded_at = recorded_at - {}", days * 86_400_000);
    stack.query(&format!("{} WHERE value LIKE '{BOB}%' OR value LIKE '{ANA}%'", age(31)));
    stack.query(&format!("{} WHERE value LIKE 'Eva%'", age(29)));
    eventually("it is forgotten", async || stack.events_of_type("person.expired").len() == 1).await;
    nowhere(stack, BOB).await;
    assert_eq!(stack.events_of_type("person.expired")[0]["data"]["count"], 1);
    assert_eq!(api.get(&format!("/api/users/{user}")).await.expect(200).str("username"), ANA);
    let young = stack.api().get(&format!("/api/session/{}", young.str("id"))).await.expect(200);
    assert_eq!(young.str("username"), "Eva la joven");
    sound(stack);
}

on_both_databases!(what_is_old, [("PERSON_RETENTION_DAYS", "30")], rooms: 0, audits: 1);

/// A user's guest whose session is forgotten by now, and of whom the ledger has nothing any more.
async fn a_guest_of_long_ago(stack: &Stack) {
    let user = json!({"email": "ana@example.com", "username": "ana"});
    let user = stack.api().with_secret(stack.secret()).post("/api/users", &user).await.expect(201).int("id");
    registered(stack, "long-ago", "Perséfone", Some(user)).await;
    stack.sessions(300).await;
    let _ = stack.archive().await;
    stack.query("DELETE FROM session WHERE id = 'long-ago'");
    assert!(!stands_in(stack, "Perséfone").is_empty());
    erase(stack, ["--user", &user.to_string()]);
    nowhere(stack, "Perséfone").await;
    assert!(stack.ledger().last().unwrap().contains("person.erased"));
}

on_both_databases!(a_guest_of_long_ago, [("AUDIT_CHECKPOINT_SECONDS", "1")], rooms: 1, audits: 1);

/// Whoever is in a room by a token from outside is put out, and as often as they come back, although nobody knows any
/// more what LiveKit calls them.
async fn out_of_the_room(studio: &LiveStudio) {
    let stack = &studio.stack;
    let token = studio.key.token(BOB, "demo");
    let body = json!({"sessionId": "from-outside", "token": token});
    let session = studio.keeper().post("/api/tokens", &body).await.expect(201);
    let session = studio.keeper().get(&format!("/api/session/{}", session.str("id"))).await.expect(200);
    let bob = studio.join(&session);
    eventually("he is seen", async || stack.events_of_type("participant.joined").len() == 1).await;
    assert_eq!(erase(stack, ["--session", "from-outside"])["revoked"], 1);
    assert_eq!(bob.wait_for_end(), "PARTICIPANT_REMOVED");
    nowhere(stack, BOB).await;
    assert_eq!(studio.join(&session).wait_for_end(), "PARTICIPANT_REMOVED");
    sound(stack);
}

#[tokio::test]
async fn out_of_the_room_sqlite() {
    require!(LiveStudio::available());
    out_of_the_room(&LiveStudio::sqlite(true, &[]).await).await;
}

#[tokio::test]
async fn out_of_the_room_postgres() {
    require!(LiveStudio::available_with_postgres());
    let options = StackOptions { rooms: 1, audits: 1, ..Default::default() };
    out_of_the_room(&LiveStudio::postgres_with(options, true).await).await;
}
