//! `DELETE /api/users/:id` at the edge: asked again until nothing is left, with a reason that stands for good.

use avanzacast_schemas::bus::BusUser;
use avanzacast_tests::{LoneEdge, Nats, StandIn, require};
use serde_json::{Value, json};

const ERASE: &str = "cmd.session.erase";

async fn start() -> (LoneEdge, StandIn) {
    let env = [("BACKEND_API_KEYS", "manager:manage-manage-manage-ma:manage,minter:mint-mint-mint-mint-mint:mint")];
    let lone = LoneEdge::start(&env).await;
    let session = StandIn::start(&lone.nats, BusUser::Session, "session", &[ERASE]).await;
    (lone, session)
}

fn erased(more: bool) -> Value {
    json!({"revoked": 1, "values": 200, "more": more})
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_until_nothing_is_left() {
    require!(Nats::available());
    let (lone, session) = start().await;
    let api = lone.api().with_secret("manage-manage-manage-ma");
    session.says(ERASE, 200, "", erased(true));
    session.says(ERASE, 200, "", erased(true));
    session.says(ERASE, 200, "", erased(false));
    let answer = api.delete("/api/users/7?reason=asked%20by%20letter").await.expect(204);
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", Some("no-store")));
    let command = json!({"whom": {"user": 7}, "reason": "asked by letter"});
    assert_eq!(session.asked(ERASE), [command.clone(), command.clone(), command]);
    api.delete("/api/users/7").await.expect(204);
    assert_eq!(session.asked(ERASE)[3]["reason"], "requested over the API");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_and_nobody_is_nobody() {
    require!(Nats::available());
    let (lone, session) = start().await;
    session.says(ERASE, 404, "user_not_found", json!({"detail": "The user is unknown"}));
    lone.api().delete("/api/users/7").await.problem(401, "credential_required");
    lone.api().with_secret("mint-mint-mint-mint-mint").delete("/api/users/7").await.problem(403, "scope_missing");
    let api = lone.api().with_secret("manage-manage-manage-ma");
    for id in ["x", "07", "+7", "9223372036854775808", "7.0"] {
        api.delete(&format!("/api/users/{id}")).await.problem(404, "user_not_found");
    }
    let long = "x".repeat(257);
    for reason in ["", "a%0Ab", &long] {
        api.delete(&format!("/api/users/7?reason={reason}")).await.problem(400, "malformed");
    }
    assert_eq!(session.asked(ERASE), Vec::<Value>::new());
    api.delete("/api/users/7").await.problem(404, "user_not_found");
}
