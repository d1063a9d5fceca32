//! `POST /api/livekit/webhook`: what LiveKit tells. Kept once it is known that it was LiveKit; answered once it is safe.

use std::time::Duration;

use avanzacast_kit::bus::{DEADLINE, Incoming};
use avanzacast_schemas::{Code, VerifyWebhook, Webhook, bus::subject, command_id};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use schemars::SchemaGenerator;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{
    Edge, Reach,
    access::Caller,
    ask::{Ask, single},
    body,
    context::Context,
    operation::{Access, Method, Operation, Success},
    problem::Problem,
    webhook::{self, Picked},
};

pub(crate) static OPERATION: Operation = Operation {
    id: "livekitWebhook",
    method: Method::Post,
    path: "/api/livekit/webhook",
    group: "LiveKit",
    summary: "What LiveKit tells",
    about: "For `webhook.urls` in LiveKit's configuration. Answered when it is safe; 503 asks LiveKit to come again. A copy \
            of a webhook is no second one. Rooms and who is in them are kept; anything else is answered and forgotten.",
    access: Access::LiveKit,
    parameters: &[],
    body: Some(SchemaGenerator::subschema_for::<webhook::Body>),
    answers: &[Success::empty(200, "It is kept, or nothing that is kept")],
    refusals: &[],
};

/// LiveKit puts a participant's metadata into a webhook, of up to 512 KiB, and its attributes, of up to 64 KiB
/// (livekit-server, `limit` in its configuration); and JSON makes some characters longer.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;
/// LiveKit's token for a webhook has some 300.
const TOKEN_MAX_BYTES: usize = 4096;
/// For the worker's word, so that of the whole deadline enough is left for the stream's.
const VERIFY: Duration = Duration::from_secs(3);

pub(crate) async fn handle(
    State(edge): State<Edge>,
    Extension(context): Extension<Context>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let token = single(&headers, header::AUTHORIZATION.as_str())?.ok_or(Code::CredentialRequired)?;
    if token.len() > TOKEN_MAX_BYTES {
        return Err(Code::CredentialInvalid.into());
    }
    let body = body::collect_up_to(BODY_LIMIT_BYTES, body).await?;
    let until = Instant::now() + DEADLINE;
    let sha256 = BASE64_STANDARD.encode(Sha256::digest(&body));
    let command = VerifyWebhook { authorization: token.to_owned(), sha256 };
    let id = command_id::fresh();
    let ask = Ask { subject: subject::LIVEKIT_VERIFY, id, actor: &caller.actor, context, command: &command };
    edge.ask_within(VERIFY, ask).await?;
    match webhook::pick(&body) {
        Some(Picked::Kept(webhook)) => edge.keep(&webhook, context, until).await?,
        Some(Picked::Passed) => {}
        None => {
            // Signed, so LiveKit and we disagree: nobody else would notice.
            tracing::warn!(trace.id = %context.trace, "a signed webhook cannot be read");
            return Err(Problem::malformed("the body is no webhook of LiveKit's"));
        }
    }
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::OK, no_store).into_response())
}

impl Reach {
    async fn keep(&self, webhook: &Webhook, context: Context, until: Instant) -> Result<(), Problem> {
        let incoming = Incoming {
            subject: format!("{}{}", subject::LIVEKIT_PREFIX, webhook.kind.name()),
            id: webhook.id.clone(),
            trace: context.trace,
            body: serde_json::to_vec(webhook).map_err(|_| Code::Internal)?.into(),
        };
        self.inlet.put(incoming, until).await.map_err(|unanswered| Code::from(unanswered).into())
    }
}
