//! LiveKit's client for browsers: at hand where the studio page is served.

use avanzacast::livekit_client::{ClientError, Place, VERSION};
use avanzacast_kit::checkup::Finding;

use super::{Patient, Role};

const CHECK: &str = "livekit-client";

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    if patient.edge.is_none() {
        return Vec::new();
    }
    vec![match &patient.client {
        None => Finding::ok(CHECK, "off: the studio page has no video"),
        Some(place) => found(place, patient).await,
    }]
}

async fn found(place: &Place, patient: &Patient) -> Finding {
    match place.look().await {
        Ok(module) => Finding::ok(CHECK, format!("{VERSION}, {}", module.path.display())),
        Err(ClientError::Absent(_)) if patient.role == Role::Up && !patient.data_dir.exists() => {
            Finding::ok(CHECK, format!("{VERSION} is fetched when `avanzacast up` starts"))
        }
        Err(error) => Finding::warning(CHECK, "the studio page has no video", error.to_string()),
    }
}
