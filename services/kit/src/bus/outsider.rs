//! What an outsider does on the bus: registers a token and is told when that is safe, and asks later what became of it.

use std::time::Duration;

use avanzacast_schemas::{
    Actor, ActorKind, Code, GetRegistration, Refusal, RegisterToken, Registration,
    bus::{BusUser, subject},
    command_id,
};
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Caller, DEADLINE, Incoming, Inlet, Request, Unanswered};
use crate::telemetry::TraceContext;

/// How long one copy waits for its acknowledgement: a stream that syncs every write needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a copy that was not stored, the next follows this soon, then twice as late each time, up to [`PATIENCE`].
const BACK_OFF: Duration = Duration::from_millis(25);

/// An outsider, over a connection as the bus user `token-server`.
#[derive(Debug, Clone)]
pub struct Outsider {
    caller: Caller,
    inlet: Inlet,
}

impl Outsider {
    /// Over this connection.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self { inlet: Inlet::new(caller.clone()), caller }
    }

    /// Whether the bus answers at the moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.caller.bus().is_connected()
    }

    /// Registers a token, and waits until that is safe: on disk, whether or not anybody is there to apply it. The same
    /// registration again is the same message, for as long as the stream remembers its id; after that it is the same
    /// command, which is applied once.
    ///
    /// # Errors
    /// Nothing acknowledged it within [`DEADLINE`]: [`Unanswered::NotApplied`] when no copy can have been stored.
    pub async fn register(&self, registration: &RegisterToken, trace: TraceContext) -> Result<(), Unanswered> {
        let body = serde_json::to_vec(registration).map_err(|_| Unanswered::NotApplied(Code::Internal))?;
        let id = command_id::keyed(&[subject::TOKEN_REGISTER, registration.session_id.as_str(), &registration.token]);
        let incoming = Incoming { subject: subject::TOKEN_REGISTER.to_owned(), id, trace, body: body.into() };
        self.store(&incoming, Instant::now() + DEADLINE).await
    }

    async fn store(&self, incoming: &Incoming, deadline: Instant) -> Result<(), Unanswered> {
        let (mut back_off, mut sent_before) = (BACK_OFF, false);
        loop {
            let until = deadline.min(Instant::now() + PATIENCE);
            let unanswered = match self.inlet.put(incoming.clone(), until).await {
                Ok(()) => return Ok(()),
                Err(unanswered) => unanswered,
            };
            // Once a copy is out of sight, nobody knows, whatever became of the others.
            sent_before |= unanswered == Unanswered::Unknown;
            if timeout_at(deadline, sleep(back_off)).await.is_err() || Instant::now() >= deadline {
                return Err(if sent_before { Unanswered::Unknown } else { unanswered });
            }
            back_off = PATIENCE.min(back_off * 2);
        }
    }

    /// What became of a registration.
    ///
    /// # Errors
    /// What the worker refused, or that none answered within [`DEADLINE`].
    pub async fn fate(&self, question: &GetRegistration, trace: TraceContext) -> Result<Registration, Refusal> {
        let body: Bytes = serde_json::to_vec(question).map_err(|_| Code::Internal)?.into();
        let request = Request {
            subject: subject::REGISTRATION_GET,
            command_id: command_id::fresh(),
            actor: &Actor { kind: ActorKind::Bus, name: Some(BusUser::TokenServer.name().to_owned()) },
            trace,
            body,
            patience: DEADLINE,
        };
        let reply = self.caller.call(&request).await.map_err(Code::from)?;
        match reply.refusal() {
            Some(refusal) => Err(refusal),
            None => serde_json::from_slice(&reply.body).map_err(|_| Code::Internal.into()),
        }
    }
}
