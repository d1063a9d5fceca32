//! By which names the edge is reached while it asks nobody for a credential: development without a secret.

use avanzacast_kit::host::{asked, is_ours};
use avanzacast_schemas::{Code, Refusal};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{Edge, problem::Problem};

/// Lets a request through that asks for this machine, or for the host of `PUBLIC_URL`.
pub(crate) async fn check(State(edge): State<Edge>, request: Request, next: Next) -> Result<Response, Problem> {
    if !asked(&request).is_some_and(|host| is_ours(host, edge.gate.own())) {
        let detail = "without a secret, this backend is reached as localhost, by its address, or as PUBLIC_URL says";
        return Err(Refusal::new(Code::HostNotAllowed, detail).into());
    }
    Ok(next.run(request).await)
}
