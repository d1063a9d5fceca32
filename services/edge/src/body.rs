//! Bodies: JSON or an error that says what is wrong.

use avanzacast_schemas::Code;
use axum::{
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// An error message may quote what was sent; this much of it.
const DETAIL_MAX_CHARS: usize = 200;

/// A JSON body of a known shape.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(too_large_or_broken)?;
        // Without this, an array of the fields in their order would do as well.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::malformed("the body must be a JSON object"));
        }
        serde_json::from_slice(&bytes).map(Json).map_err(|error| {
            let detail = error.to_string();
            Problem::malformed(detail.chars().take(DETAIL_MAX_CHARS).collect::<String>())
        })
    }
}

fn too_large_or_broken(rejection: BytesRejection) -> Problem {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        Code::PayloadTooLarge.into()
    } else {
        Problem::malformed("the body could not be read")
    }
}

/// `application/json`, with any parameters, or a type whose suffix is `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
