//! The reference: reads the same body, signs the same token, and does nothing else.

use std::{net::Ipv4Addr, sync::Arc};

use avanzacast_kit::{Secret, config::LiveKitConfig, telemetry, time};
use avanzacast_livekit::{Bearer, Minter, Stamp};
use avanzacast_schemas::{CreateSession, SessionId};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post, serve::ListenerExt};
use serde_json::{Value, json};
use uuid::Uuid;

/// Serves until killed.
pub(crate) fn serve() {
    telemetry::start();
    let livekit = LiveKitConfig {
        key: "APIreference".to_owned(),
        secret: Secret::new("0123456789abcdef0123456789abcdef"),
        ws_url: String::new(),
        http_url: String::new(),
        verify_keys: Vec::new(),
        takes_anything: false,
    };
    let minter = Arc::new(Minter::new(&livekit.key, &livekit.secret));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        tell(&listener);
        let router = Router::new().route("/api/session", post(handle)).with_state(minter);
        let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
        axum::serve(listener, router).await.unwrap();
    });
}

/// As the product does, so that the harness finds it.
fn tell(listener: &tokio::net::TcpListener) {
    eprintln!("{}", json!({"message": "listening", "addr": listener.local_addr().unwrap().to_string()}));
}

async fn handle(State(minter): State<Arc<Minter>>, Json(command): Json<CreateSession>) -> (StatusCode, Json<Value>) {
    let (now, id) = (time::now_ms(), SessionId::from(Uuid::new_v4()));
    let stamp = Stamp::new(Uuid::new_v4(), now, now + 300_000);
    let participant = id.participant();
    let bearer = Bearer {
        identity: participant.as_str(),
        name: command.username.as_str(),
        room: command.room.as_str(),
        role: command.role,
    };
    let token = minter.mint(bearer, &stamp).unwrap();
    (StatusCode::CREATED, Json(json!({"id": id, "token": token})))
}
