//! The bus is described in words that others have programs for, and those programs agree with what we send.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use avanzacast_tests::{
    Stack, asyncapi_available, asyncapi_check, cloudevents_available, cloudevents_read, eventually, require,
    workspace_root,
};
use serde_json::{Value, json};

/// What is no message: the cache's values, the inbox's records, a header.
const NO_MESSAGES: [&str; 3] = ["cache.", "inbox.", "header."];

/// Which answer is of which shape. Commands, queries, events and webhooks are named like their schema.
const REPLIES: [(&str, &str); 20] = [
    ("reply.broadcast.list", "reply.qry.broadcast.list"),
    ("reply.broadcast.view", "reply.qry.broadcast.get"),
    ("reply.registration", "reply.qry.registration.get"),
    ("reply.session.consumed", "reply.cmd.session.consume"),
    ("reply.session.created", "reply.cmd.session.create"),
    ("reply.session.health", "reply.qry.session.health"),
    ("reply.session.list", "reply.qry.session.list"),
    ("reply.session.validation", "reply.qry.session.validate"),
    ("reply.session.view-single-use", "reply.qry.session.get"),
    ("reply.session.view", "reply.qry.session.get"),
    ("reply.session.erased", "reply.cmd.session.erase"),
    ("reply.token.issued", "reply.cmd.token.issue"),
    ("reply.audit.key", "reply.qry.audit.key"),
    ("reply.audit.proof", "reply.qry.audit.proof"),
    ("reply.audit.events", "reply.qry.audit.events"),
    ("reply.audit.ledger", "reply.qry.audit.ledger"),
    ("reply.audit.counts", "reply.qry.audit.counts"),
    ("reply.audit.who", "reply.qry.audit.who"),
    ("reply.dead.list", "reply.qry.dead.list"),
    ("reply.user.view", "reply.qry.user.get"),
];

fn json_files(folder: &str) -> BTreeMap<String, Value> {
    let folder = workspace_root().join("schemas").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), file(&path))).collect()
}

fn file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The schema of a golden file, by its name: the longest that it begins with.
fn schema_of<'a>(golden: &str, schemas: &'a BTreeMap<String, Value>) -> &'a str {
    let reply = REPLIES.iter().find(|(start, _)| golden.starts_with(start)).map(|(_, schema)| *schema);
    let wanted = reply.unwrap_or(golden);
    let begins = |name: &&String| {
        wanted.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    };
    let found = schemas.keys().filter(begins).max_by_key(|name| name.len());
    found.unwrap_or_else(|| panic!("no schema for {golden}"))
}

/// Everything that is described, with the example of each message.
fn described() -> Value {
    let schemas = json_files("json");
    let mut examples: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (golden, value) in json_files("golden") {
        if !NO_MESSAGES.iter().any(|start| golden.starts_with(start)) {
            let schema = schema_of(&golden, &schemas);
            examples.entry(schema).or_default().push(json!({"name": golden, "value": value}));
        }
    }
    let all: Vec<Value> = schemas
        .iter()
        .map(|(name, schema)| json!({"name": name, "schema": schema, "messages": examples.get(name.as_str()).cloned().unwrap_or_default()}))
        .collect();
    json!({"document": file(&workspace_root().join("schemas/asyncapi.json")), "schemas": all})
}

/// AsyncAPI's word for something that makes a document none.
const ERROR: i64 = 0;
/// Something that should be otherwise.
const WARNING: i64 = 1;

fn worse_than_a_hint(found: &Value) -> Vec<&Value> {
    let all = found["document"].as_array().unwrap().iter();
    all.filter(|diagnostic| [ERROR, WARNING].contains(&diagnostic["severity"].as_i64().unwrap())).collect()
}

#[test]
fn asyncapis_parser_and_a_schema_validator_agree_with_us() {
    require!(asyncapi_available());
    let described = described();
    let found = asyncapi_check(&described).unwrap();
    assert_eq!(found["parsed"], true, "{found:#}");
    assert_eq!(worse_than_a_hint(&found), [] as [&Value; 0]);
    assert_eq!((&found["schemas"], &found["messages"]), (&json!([]), &json!([])));
    let checked = described["schemas"].as_array().unwrap();
    let examples: usize = checked.iter().map(|schema| schema["messages"].as_array().unwrap().len()).sum();
    assert!(checked.len() > 50 && examples > 50, "{} schemas, {examples} examples", checked.len());
    let bare = |kind: &str| -> Vec<&Value> {
        let named = checked.iter().filter(|schema| schema["name"].as_str().unwrap().starts_with(kind));
        named.filter(|schema| schema["messages"] == json!([])).map(|schema| &schema["name"]).collect()
    };
    // Questions that are an empty object stand in no file.
    assert_eq!((bare("evt."), bare("cmd."), bare("in.")), (vec![], vec![], vec![]));
    let empty = ["qry.audit.checkpoint", "qry.audit.key", "qry.audit.ledger", "qry.session.health"].map(Value::from);
    assert_eq!(bare("qry."), empty.each_ref());
}

#[test]
fn they_notice_what_is_wrong() {
    require!(asyncapi_available());
    let mut described = described();
    described["document"]["channels"]["in-livekit"]["parameters"] = json!(7);
    let schemas = described["schemas"].as_array_mut().unwrap();
    let by_name =
        |schemas: &mut Vec<Value>, name: &str| schemas.iter().position(|schema| schema["name"] == name).unwrap();
    let user = by_name(schemas, "cmd.user.create");
    schemas[user]["schema"]["allOf"] = json!("everything");
    let told = by_name(schemas, "in.livekit");
    schemas[told]["messages"][0]["value"]["createdAt"] = json!("soon");
    let found = asyncapi_check(&described).unwrap();
    assert_eq!(found["parsed"], false);
    assert!(!worse_than_a_hint(&found).is_empty());
    assert!(found["schemas"][0].as_str().unwrap().starts_with("cmd.user.create"), "{found:#}");
    assert!(found["messages"][0].as_str().unwrap().starts_with("in.livekit"), "{found:#}");
}

/// Real events from a real stream, as any consumer has them: header and payload.
async fn messages(stack: &Stack, count: usize) -> Vec<Value> {
    eventually("the events are in EVENTS", async || {
        stack.stream("EVENTS").await.cached_info().state.messages >= u64::try_from(count).unwrap()
    })
    .await;
    let events = stack.stream("EVENTS").await;
    let mut messages = Vec::new();
    for sequence in 1..=events.cached_info().state.last_sequence {
        let message = events.get_raw_message(sequence).await.unwrap();
        let headers = ["content-type", "Content-Type"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), Value::from(message.headers.get(name)?.to_string()))));
        let headers: serde_json::Map<String, Value> = headers.collect();
        messages.push(json!({"headers": headers, "body": String::from_utf8(message.payload.to_vec()).unwrap()}));
    }
    messages
}

#[tokio::test]
async fn whoever_knows_cloudevents_reads_our_events() {
    require!(cloudevents_available());
    let stack = Stack::sqlite().await;
    let keeper = stack.api().with_secret(stack.secret());
    let made = keeper.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    keeper.post_empty(&format!("/api/session/{}/consume", made.str("id"))).await.expect(200);
    keeper.post("/api/broadcasts", &json!({"title": "Uno"})).await.expect(201);
    let messages = messages(&stack, 3).await;
    let read = cloudevents_read(&json!(messages)).unwrap_or_else(|why| panic!("{why}"));
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), messages.len());
    for (event, line) in read.iter().zip(stack.ledger()) {
        let mut ours: Value = serde_json::from_str(&line).unwrap();
        // The same moment, as that language writes it.
        assert_eq!(event["time"].as_str().unwrap().replace("+00:00", "Z").replace("000Z", "Z"), ours["time"]);
        ours["time"] = event["time"].clone();
        assert_eq!(event, &ours);
    }
    let kinds: Vec<&str> = read.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["token.registered", "session.consumed", "broadcast.created"]);

    for message in &messages {
        assert_eq!(message["headers"], json!({"content-type": "application/cloudevents+json"}));
    }
    let mut broken = messages;
    let body = broken[0]["body"].as_str().unwrap().replace("\"source\":", "\"no\":");
    broken[0]["body"] = json!(body);
    cloudevents_read(&json!(broken)).expect_err("an event without a source is none");
}
