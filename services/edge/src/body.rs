//! Bodies: JSON or an error that says what is wrong.

use avanzacast_kit::connections::BODY_PATIENCE;
use avanzacast_schemas::Code;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::Problem;

/// The largest body taken, where nothing else is said: far above anything the contract holds.
const LIMIT_BYTES: usize = 64 * 1024;
/// A larger body is read this far and thrown away, so that its sender, who may be writing still, hears why.
const DRAIN_BYTES: usize = 8 * 1024 * 1024;
/// An error message may quote what was sent; this much of it.
const DETAIL_MAX_CHARS: usize = 200;

/// A JSON body of a known shape.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let bytes = collect(request.into_body()).await?;
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

/// The whole body.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Problem> {
    collect_up_to(LIMIT_BYTES, body).await
}

/// The same, with a limit of its own.
pub(crate) async fn collect_up_to(limit: usize, body: Body) -> Result<Bytes, Problem> {
    let read = timeout(BODY_PATIENCE, read(limit, body)).await;
    let bytes = read.unwrap_or_else(|_| Err(Problem::malformed("the body did not arrive in time")))?;
    Ok(bytes.freeze())
}

async fn read(limit: usize, mut body: Body) -> Result<BytesMut, Problem> {
    let (mut taken, mut total) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("the body could not be read"))?;
        let Ok(data) = frame.into_data() else { continue };
        total += data.len();
        if total <= limit {
            taken.extend_from_slice(&data);
        } else if total > DRAIN_BYTES {
            break;
        }
    }
    if total > limit { Err(Code::PayloadTooLarge.into()) } else { Ok(taken) }
}

/// `application/json`, with any parameters, or a type whose suffix is `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
