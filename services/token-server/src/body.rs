//! Bodies: a JSON object, or an error that says what is wrong.

use avanzacast_kit::connections::BODY_PATIENCE;
use avanzacast_schemas::Code;
use axum::{
    Json, body,
    extract::{FromRequest, Request},
};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::problem::{Problem, malformed};

/// The largest body taken: far above a registration with the largest token.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// A larger one is read this far and thrown away, so that its sender, who may be writing still, hears why.
const DRAIN_MAX_BYTES: usize = 8 * 1024 * 1024;

/// A JSON object of a known shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let body = timeout(BODY_PATIENCE, collect(body)).await;
        let body = body.unwrap_or_else(|_| Err(malformed("the body did not arrive in time")))?;
        let request = Request::from_parts(head, body.into());
        // An array of the fields in their order would do as well, if the shape were read at once.
        let Json(object) = Json::<Map<String, Value>>::from_request(request, state).await?;
        serde_json::from_value(Value::Object(object)).map(Self).map_err(|error| malformed(&error.to_string()))
    }
}

async fn collect(mut body: body::Body) -> Result<Vec<u8>, Problem> {
    let (mut taken, mut total) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| malformed("the body could not be read"))?;
        let Ok(data) = frame.into_data() else { continue };
        total += data.len();
        if total <= BODY_MAX_BYTES {
            taken.extend_from_slice(&data);
        } else if total > DRAIN_MAX_BYTES {
            break;
        }
    }
    if total > BODY_MAX_BYTES { Err(Code::PayloadTooLarge.into()) } else { Ok(taken) }
}
