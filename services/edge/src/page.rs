//! Lists: the bus answers with a page, HTTP with an array and a `Link` to the next page (RFC 8288).

use avanzacast_kit::bus::Reply;
use avanzacast_schemas::{Code, Page};
use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ask::answer, problem::Problem};

/// The answer to a list at `path`; `next` makes the parameters of the page that begins at a cursor.
pub(crate) fn page<Q: Serialize>(
    reply: &Reply,
    path: &str,
    next: impl FnOnce(String) -> Q,
) -> Result<Response, Problem> {
    let page: Page<&RawValue> = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
    let body = serde_json::to_vec(&page.items).map_err(|_| Code::Internal)?;
    let mut response = answer(reply.status, Bytes::from(body));
    if let Some(cursor) = page.next {
        let query = serde_urlencoded::to_string(next(cursor)).map_err(|_| Code::Internal)?;
        let link = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")).map_err(|_| Code::Internal)?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
