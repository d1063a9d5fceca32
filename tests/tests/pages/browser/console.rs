//! The console: what an operator sees and does.

use avanzacast_schemas::bus::{BusUser, subject};
use avanzacast_tests::{Story, eventually, require};
use serde_json::json;

use super::{available, link, studio};

#[tokio::test]
async fn an_operator_sees_what_happens_and_what_happened() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    let made = link(&studio, "viernes", "<img src=x onerror=alert(1)>").await;
    let other = link(&studio, "sábado", "Eva").await;
    studio.keeper().post("/api/broadcasts", &json!({"title": "Viernes"})).await.expect(201);
    // What can never be applied is buried.
    let outside = studio.stack.bus_as(BusUser::TokenServer).await;
    outside.publish(subject::TOKEN_REGISTER, "no JSON".into()).await.unwrap();
    outside.flush().await.unwrap();
    let keeper = studio.keeper();
    eventually("it is buried", async || {
        keeper.get("/api/dead").await.body.as_array().is_some_and(|all| all.len() == 1)
    })
    .await;
    let facts = json!({ "link": made.str("id"), "other": other.str("id") });
    drop(Story::begin("console", &studio.stack, facts).end());
    let revoked = studio.stack.events_of_type("session.revoked");
    assert_eq!(revoked[0]["data"]["actor"], json!({"kind": "console", "name": "register"}));
}
