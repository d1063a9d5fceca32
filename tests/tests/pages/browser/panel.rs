//! The panel: broadcasts and their guests.

use avanzacast_tests::{Story, require};
use serde_json::json;

use super::{available, studio};

#[tokio::test]
async fn a_broadcast_is_led_from_the_panel() {
    require!(available());
    let (studio, _turn) = studio(&[]).await;
    drop(Story::begin("panel", &studio.stack, json!({})).end());
    // What is done by the cookie is the console's doing, by which key.
    let started = studio.stack.events_of_type("broadcast.started");
    assert_eq!(started[0]["data"]["actor"], json!({"kind": "console", "name": "register"}));
}
