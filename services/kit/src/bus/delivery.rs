//! One message as a worker sees it, and what can be done with it.

use std::time::Duration;

use async_nats::{HeaderMap, Message, jetstream, service};
use avanzacast_schemas::{Actor, Code, Refusal, bus::header};
use bytes::Bytes;
use serde::Deserialize;

use super::Bus;
use crate::{telemetry::TraceContext, time};

/// An answer: the status, for a refusal its code, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The refusal's word.
    pub code: Option<String>,
    /// JSON: the answer, or `{"detail": …}`.
    pub body: Bytes,
}

impl Reply {
    /// An answer.
    #[must_use]
    pub fn done(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, code: None, body: body.into() }
    }

    /// What was refused, if something was.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        #[derive(Deserialize)]
        struct Detail {
            detail: String,
        }
        let code = Code::from_reply(self.status, self.code.as_deref()?).unwrap_or(Code::Internal);
        Some(match serde_json::from_slice(&self.body) {
            Ok(Detail { detail }) => Refusal::new(code, detail),
            Err(_) => code.into(),
        })
    }
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        let body = serde_json::json!({ "detail": refusal.detail }).to_string();
        Self { status: refusal.code.status(), code: Some(refusal.code.word().to_owned()), body: body.into() }
    }
}

/// What the server is told when a message is ended, and says to whoever hears its advisories.
pub(super) const BURIED: &str = "buried";

/// What becomes of a message that came through a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Done with.
    Ack,
    /// Deliver it again, later.
    Again(Duration),
    /// Never again: a copy is among the dead letters.
    Term,
}

#[derive(Debug)]
enum Origin {
    Request(Box<service::Request>),
    Stream(Box<jetstream::Message>),
    /// The process itself, which does not wait.
    Own,
}

/// A command or query that waits for its outcome.
#[derive(Debug)]
pub struct Delivery {
    /// Where it was published.
    pub subject: String,
    /// Which command it is a copy of.
    pub command_id: Option<String>,
    /// Unix milliseconds after which it is no longer wanted.
    pub expires_at: Option<i64>,
    /// Who asks, as our own services say it.
    pub actor: Option<Actor>,
    /// Which request it belongs to.
    pub trace: TraceContext,
    /// The body.
    pub payload: Bytes,
    origin: Origin,
}

impl Delivery {
    /// A request that somebody waits for. `None` when it is a stored message that the server delivered to a subject
    /// which its reader may not publish to: the reply subject of a pull or a direct get is not checked. Such a message
    /// carries the stream's headers, or wants to be acknowledged.
    pub(super) fn request(request: service::Request) -> Option<Self> {
        let headers = request.message.headers.as_ref();
        let stored = headers
            .is_some_and(|headers| headers.get("Nats-Stream").is_some() || headers.get("Nats-Subject").is_some())
            || request.message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS."));
        if stored {
            tracing::error!(subject = %request.message.subject, "a stored message came as a command; dropped");
            return None;
        }
        let (command_id, expires_at, actor, trace) = read_headers(headers);
        Some(Self {
            subject: request.message.subject.to_string(),
            command_id,
            expires_at,
            actor,
            trace,
            payload: request.message.payload.clone(),
            origin: Origin::Request(Box::new(request)),
        })
    }

    /// A message that a stream holds. Its sender is not one of us: neither actor nor id are taken from it.
    pub(super) fn stream(message: jetstream::Message) -> Self {
        let (_, _, _, trace) = read_headers(message.headers.as_ref());
        Self {
            subject: message.subject.to_string(),
            command_id: None,
            expires_at: None,
            actor: None,
            trace,
            payload: message.payload.clone(),
            origin: Origin::Stream(Box::new(message)),
        }
    }

    /// A command of the process's own, with an id of its own.
    #[must_use]
    pub fn own(subject: &str, payload: impl Into<Bytes>) -> Self {
        Self {
            subject: subject.to_owned(),
            command_id: Some(uuid::Uuid::now_v7().to_string()),
            expires_at: None,
            actor: None,
            trace: TraceContext::continue_from(None),
            payload: payload.into(),
            origin: Origin::Own,
        }
    }

    /// Whether somebody waits for a reply.
    #[must_use]
    pub fn wants_reply(&self) -> bool {
        matches!(self.origin, Origin::Request(_))
    }

    /// How often a stream has delivered it; 1 for a request.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        match &self.origin {
            Origin::Request(_) | Origin::Own => 1,
            Origin::Stream(message) => message.info().map_or(1, |info| u64::try_from(info.delivered).unwrap_or(1)),
        }
    }

    /// Answers the sender; a message from a stream has nobody to answer.
    pub async fn reply(&self, reply: Reply) {
        let Origin::Request(request) = &self.origin else { return };
        let mut headers = HeaderMap::new();
        headers.insert(header::STATUS, reply.status.to_string());
        if let Some(code) = reply.code {
            headers.insert(header::CODE, code);
        }
        if let Err(error) = request.respond_with_headers(Ok(reply.body), headers).await {
            tracing::warn!(%error, "a reply was not sent");
        }
    }

    /// Answers with a refusal.
    pub async fn refuse(&self, code: Code) {
        self.reply(Reply::from(&Refusal::from(code))).await;
    }

    /// Tells the stream what became of the message; nothing to tell for a request.
    pub async fn settle(&self, settlement: Settlement) {
        let Origin::Stream(message) = &self.origin else { return };
        let told = match settlement {
            Settlement::Ack => message.ack_with(jetstream::AckKind::Ack).await,
            Settlement::Again(delay) => message.ack_with(jetstream::AckKind::Nak(Some(delay))).await,
            Settlement::Term => end(message).await,
        };
        // A lost acknowledgement is a redelivery, which the inbox answers.
        if let Err(error) = told {
            tracing::warn!(%error, "the stream was not told");
        }
    }

    /// The headers it came with.
    pub(super) fn headers(&self) -> HeaderMap {
        let message: &Message = match &self.origin {
            Origin::Request(request) => &request.message,
            Origin::Stream(message) => &message.message,
            Origin::Own => return HeaderMap::new(),
        };
        message.headers.clone().unwrap_or_default()
    }
}

type Read = (Option<String>, Option<i64>, Option<Actor>, TraceContext);

/// The library cannot say why.
async fn end(message: &jetstream::Message) -> Result<(), async_nats::Error> {
    let reply = message.reply.clone().ok_or("it came without an address for acknowledgements")?;
    message.context.client().publish(reply, format!("+TERM {BURIED}").into()).await.map_err(Into::into)
}

fn read_headers(headers: Option<&HeaderMap>) -> Read {
    let text = |name: &str| headers.and_then(|headers| headers.get(name)).map(|value| value.as_str());
    (
        text(header::COMMAND_ID).filter(|id| !id.is_empty() && id.len() <= 128).map(str::to_owned),
        text(header::EXPIRES_AT).and_then(time::parse_rfc3339),
        text(header::ACTOR).and_then(|json| serde_json::from_str(json).ok()),
        TraceContext::continue_from(text(header::TRACEPARENT)),
    )
}

impl Bus {
    /// Headers of a command.
    pub(super) fn command_headers(id: &str, expires_at: i64, actor: &str, trace: TraceContext) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COMMAND_ID, id);
        headers.insert(header::EXPIRES_AT, time::rfc3339(expires_at));
        headers.insert(header::ACTOR, actor);
        headers.insert(header::TRACEPARENT, trace.header());
        headers
    }
}
