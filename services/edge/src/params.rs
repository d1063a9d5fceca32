//! Query strings of a known shape, or an error that says what is wrong.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// An error message may quote what was sent; this much of it.
const DETAIL_MAX_CHARS: usize = 200;

/// The parameters of a request; unknown ones are ignored, one sent twice is malformed.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let detail = rejection.body_text();
                Err(Problem::malformed(detail.chars().take(DETAIL_MAX_CHARS).collect::<String>()))
            }
        }
    }
}
