//! DEAD as an operator sees it.

use async_nats::{
    header::NATS_MESSAGE_ID,
    jetstream::{
        self, ErrorCode,
        consumer::{AckPolicy, pull},
        message::StreamMessage,
        stream::{DeleteMessageErrorKind, RawMessageError, RawMessageErrorKind, Stream},
    },
};
use avanzacast_schemas::bus::{stream, subject};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use super::{DeadLetter, senders};
use crate::bus::{Bus, SERVER_TIMEOUT};

/// Letters asked for at once: heads without bodies.
const PAGE: usize = 1_000;

/// DEAD could not be asked, or a letter could not be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum DeadError {
    /// The stream is not there, or the bus does not answer.
    #[error("the stream DEAD does not answer")]
    Away(#[source] async_nats::Error),
    /// Nothing takes messages from this subject out of a stream.
    #[error("nothing is delivered to {0} from a stream, so nobody would take it")]
    Nowhere(String),
    /// Only the beginning of its body is left.
    #[error("its body had {0} bytes, and only the beginning of it is left")]
    Cut(u64),
    /// The stream that should take it did not.
    #[error("{subject} did not take it")]
    Refused {
        /// Where it was to go.
        subject: String,
        /// What the bus said.
        #[source]
        source: async_nats::Error,
    },
}

/// What became of a letter that its subject took again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redriven {
    /// It waits to be delivered, and has left DEAD.
    Taken,
    /// The same, and an earlier try had brought it there already.
    TakenBefore,
}

/// The stream DEAD, as the user `admin`.
#[derive(Debug)]
pub struct DeadStream {
    bus: Bus,
    stream: Stream,
}

fn away<E: Into<async_nats::Error>>(error: E) -> DeadError {
    DeadError::Away(error.into())
}

fn found(message: Result<StreamMessage, RawMessageError>) -> Result<Option<DeadLetter>, DeadError> {
    match message {
        Ok(found) => {
            let time = found.time.unix_timestamp_nanos();
            Ok(Some(DeadLetter::new(found.sequence, time, &found.subject, found.headers, found.payload)))
        }
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(away(error)),
    }
}

impl DeadStream {
    /// Finds the stream.
    ///
    /// # Errors
    /// It is not there, or the bus does not answer.
    pub async fn open(bus: Bus) -> Result<Self, DeadError> {
        let stream = bus.jetstream().get_stream(stream::DEAD).await.map_err(away)?;
        Ok(Self { bus, stream })
    }

    /// The oldest letters, at most `most`, without their bodies; and how many there are. A subject is the one that
    /// they had been published to, and may have wildcards.
    ///
    /// # Errors
    /// The bus does not answer, or the subject is none.
    pub async fn list(&self, subject: &str, most: usize) -> Result<(Vec<DeadLetter>, u64), DeadError> {
        let config = pull::Config {
            // Named, because not everybody may create one without a name.
            name: Some(format!("list_{}", uuid::Uuid::new_v4().simple())),
            filter_subject: format!("{}{subject}", subject::DEAD_PREFIX),
            ack_policy: AckPolicy::None,
            headers_only: true,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.stream.create_consumer(config).await.map_err(away)?;
        let total = consumer.cached_info().num_pending;
        let wanted = most.min(usize::try_from(total).unwrap_or(usize::MAX));
        let mut letters = Vec::with_capacity(wanted);
        while letters.len() < wanted {
            let before = letters.len();
            let page = consumer.fetch().max_messages(PAGE.min(wanted - before)).messages();
            let mut page = page.await.map_err(away)?;
            // The library itself waits for ever for an answer that is lost.
            while let Some(message) = timeout(SERVER_TIMEOUT, page.next()).await.map_err(away)? {
                letters.push(head(message.map_err(DeadError::Away)?)?);
            }
            // Others may have taken some away meanwhile.
            if letters.len() == before {
                break;
            }
        }
        Ok((letters, total))
    }

    /// One letter, with its body.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn letter(&self, sequence: u64) -> Result<Option<DeadLetter>, DeadError> {
        found(self.stream.get_raw_message(sequence).await)
    }

    /// The first letter from a place on, with its body. The stream's leader is asked: what a server that lags behind it does
    /// not have yet must not be missed.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn next(&self, from: u64) -> Result<Option<DeadLetter>, DeadError> {
        let all = format!("{}>", subject::DEAD_PREFIX);
        found(self.stream.get_first_raw_message_by_subject(all, from).await)
    }

    /// Publishes a letter to its subject again, and takes it out of DEAD once a stream has it there. Its new id
    /// follows from the letter, so that a second try within the stream's window (two minutes) is no second message.
    ///
    /// # Errors
    /// It did not arrive, and is in DEAD as before; or it arrived and could not be taken out ([`DeadError::Away`]).
    pub async fn redrive(&self, letter: DeadLetter) -> Result<Redriven, DeadError> {
        let DeadLetter { sequence, buried_at, subject, headers, body, cut_from, .. } = letter;
        if let Some(size) = cut_from {
            return Err(DeadError::Cut(size));
        }
        if !is_taken_in(&subject) {
            return Err(DeadError::Nowhere(subject));
        }
        let mut headers = senders(&headers);
        headers.insert(NATS_MESSAGE_ID, format!("dead-{sequence}-{buried_at}"));
        let refused = |source| DeadError::Refused { subject: subject.clone(), source };
        let publish = self.bus.jetstream().publish_with_headers(subject.clone(), headers, body);
        let ack = publish.await.map_err(|error| refused(error.into()))?;
        let ack = ack.await.map_err(|error| refused(error.into()))?;
        self.remove(sequence).await?;
        Ok(if ack.duplicate { Redriven::TakenBefore } else { Redriven::Taken })
    }

    /// Takes a letter out of DEAD for good. Answers whether it was there.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn remove(&self, sequence: u64) -> Result<bool, DeadError> {
        match self.stream.delete_message(sequence).await {
            Ok(gone) => Ok(gone),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(refused) if is_absent(refused.error_code()) => Ok(false),
                DeleteMessageErrorKind::JetStream(_)
                | DeleteMessageErrorKind::Request
                | DeleteMessageErrorKind::TimedOut => Err(away(error)),
            },
        }
    }
}

/// How the server says that there is no such message to be deleted.
fn is_absent(code: ErrorCode) -> bool {
    [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND, ErrorCode::STREAM_MESSAGE_DELETE_FAILED]
        .contains(&code)
}

fn head(message: jetstream::Message) -> Result<DeadLetter, DeadError> {
    let (sequence, time) = {
        let info = message.info().map_err(DeadError::Away)?;
        (info.stream_sequence, info.published.unix_timestamp_nanos())
    };
    let async_nats::Message { subject, headers, .. } = message.message;
    Ok(DeadLetter::new(sequence, time, &subject, headers.unwrap_or_default(), Bytes::new()))
}

/// What INTAKE takes, and nothing else: a command that somebody waits for has nobody waiting any more.
fn is_taken_in(subject: &str) -> bool {
    let webhook = subject.strip_prefix(subject::LIVEKIT_PREFIX);
    subject == subject::TOKEN_REGISTER || webhook.is_some_and(|kind| !kind.is_empty() && !kind.contains('.'))
}
