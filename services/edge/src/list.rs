//! Pages of lists: an array as the body, and where to go on in a `Link` header (RFC 8288).

use avanzacast_kit::bus::Reply;
use avanzacast_schemas::{Code, Page};
use axum::{
    http::{HeaderValue, Uri, header},
    response::Response,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::value::RawValue;

use crate::{ask::json, operation::Parameter, problem::Problem};

/// How many a page holds at most.
pub(crate) const LIMIT: Parameter = Parameter::query("limit", false, "How many at most; 50 unless said", limit);
/// Where to go on.
pub(crate) const CURSOR: Parameter =
    Parameter::query("cursor", false, "From the `Link` header of the page before", cursor);

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": avanzacast_schemas::PAGE_MAX })
}

fn cursor(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$" })
}

/// The answer, for the page that a worker gave to the request for this address.
pub(crate) fn page(uri: &Uri, reply: &Reply) -> Result<Response, Problem> {
    let page: Page<&RawValue> = serde_json::from_slice(&reply.body).map_err(|_| Code::Internal)?;
    let mut response = json(200, &page.items)?;
    if let Some(next) = page.next {
        let link = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", following(uri, &next)));
        response.headers_mut().insert(header::LINK, link.map_err(|_| Code::Internal)?);
    }
    Ok(response)
}

/// The same address with another cursor. It is relative: where we are reached from outside is not ours to know.
fn following(uri: &Uri, next: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<&str> = kept.filter(|pair| pair.split('=').next() != Some("cursor")).collect();
    let cursor = format!("cursor={next}");
    pairs.push(&cursor);
    format!("{}?{}", uri.path(), pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_question_further_on() {
        let next = |uri: &str| following(&uri.parse().unwrap(), "abc");
        assert_eq!(next("/api/sessions"), "/api/sessions?cursor=abc");
        assert_eq!(next("/api/sessions?room=a%20b&cursor=old&limit=2"), "/api/sessions?room=a%20b&limit=2&cursor=abc");
    }
}
