//! Who may call: whoever shows `Authorization: Bearer` with the secret; without one, in development, whoever is on this machine
//! and asks for it by name.

use std::sync::Arc;

use avanzacast_kit::{
    Secret,
    host::{asked, is_ours},
};
use avanzacast_schemas::{Code, Refusal};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{http::Server, problem::Problem};

/// The secret, ready to be compared with: digests are of one length, so that how long it takes says nothing.
pub(crate) struct Credential([u8; 32]);

impl Credential {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.reveal()).into())
    }

    fn is(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        shown.ct_eq(&self.0).into()
    }
}

/// Lets a request through, before its body is read, or not.
pub(crate) async fn check(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match &server.credential {
        Some(credential) => {
            let shown = bearer(request.headers()).ok_or(Code::CredentialRequired)?;
            if !credential.is(shown) {
                return Err(Code::CredentialInvalid.into());
            }
        }
        None if !asked(&request).is_some_and(|host| is_ours(host, None)) => {
            let detail = "without a secret, this server is reached as localhost, or by its address";
            return Err(Refusal::new(Code::HostNotAllowed, detail).into());
        }
        None => {}
    }
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, shown) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}
