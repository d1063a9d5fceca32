//! Sessions, from outside, on both databases.

use avanzacast_tests::{Postgres, Stack, StackOptions, require};
use serde_json::json;

/// What happens to one plain session between its creation and its end.
async fn a_session_is_created_looked_at_and_consumed_once(stack: &Stack) {
    let api = stack.api();
    let created = api.post("/api/session", &json!({"room": "demo", "username": "Ana"})).await.expect(201);
    let path = format!("/api/session/{}", created.str("id"));
    assert_eq!(created.header("location"), Some(path.as_str()));
    let seen = api.get(&path).await.expect(200);
    assert_eq!((seen.str("room"), seen.str("username")), ("demo", "Ana"));
    let consumed = api.post_empty(&format!("{path}/consume")).await.expect(200);
    assert_eq!(consumed.str("token"), seen.str("token"));
    api.post_empty(&format!("{path}/consume")).await.problem(409, "session_consumed");
    api.get(&path).await.problem(410, "session_consumed");
}

#[tokio::test]
async fn sqlite() {
    a_session_is_created_looked_at_and_consumed_once(&Stack::sqlite().await).await;
}

#[tokio::test]
async fn postgres() {
    require!(Postgres::available());
    a_session_is_created_looked_at_and_consumed_once(&Stack::postgres(StackOptions::default()).await).await;
}
