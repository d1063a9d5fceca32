//! Whether a caller may ask what it asks: one check, that every operation passes through because of what it says of
//! itself.

use std::net::IpAddr;

use avanzacast_kit::{
    Secret,
    config::{AccessConfig, Door, Scope},
};
use avanzacast_schemas::{Actor, ActorKind, Code, Refusal, command_id};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;

use crate::{
    Edge, address,
    ask::single,
    body,
    console::{Pass, is_own_page, is_safe},
    credential::{self, Key, Keys, Shown},
    operation::{Access, Operation},
    problem::Problem,
};

/// What is configured.
#[derive(Debug)]
pub(crate) struct Gate {
    keys: Keys,
    networks: Vec<IpNet>,
    pub(crate) proxies: Vec<IpNet>,
    open: Vec<Door>,
    unlocked: bool,
    /// Where our own pages are, when it is known.
    own: Option<String>,
}

impl Gate {
    pub(crate) fn new(config: AccessConfig, own: Option<String>) -> Self {
        let AccessConfig { keys, networks, proxies, open, unlocked, meet: _ } = config;
        Self { keys: Keys::new(keys), networks, proxies, open, unlocked, own }
    }
}

/// A credential that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'a> {
    /// A key, by its secret.
    Key(&'a Key),
    /// The same, by the console's cookie.
    Console(&'a Key),
}

impl<'a> Held<'a> {
    pub(crate) fn key(self) -> &'a Key {
        match self {
            Self::Key(key) | Self::Console(key) => key,
        }
    }

    fn actor(self) -> Actor {
        let kind = match self {
            Self::Key(_) => ActorKind::Key,
            Self::Console(_) => ActorKind::Console,
        };
        Actor { kind, name: Some(self.key().name.clone()) }
    }

    /// Who may do what needs this scope.
    fn with(self, scope: Scope) -> Result<Actor, Problem> {
        if self.key().scopes.contains(&scope) {
            return Ok(self.actor());
        }
        Err(Refusal::new(Code::ScopeMissing, format!("this key lacks the scope {}", scope.word())).into())
    }
}

/// Who asks, as far as is known.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
}

/// Whoever knows a key gets the same answer, so without a credential it must be hard to guess.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=255;

impl Caller {
    /// The id of the command that this request is: of its own, or the same for the same `Idempotency-Key` of the same
    /// caller.
    pub(crate) fn command_id(&self, headers: &HeaderMap) -> Result<String, Problem> {
        let Some(key) = single(headers, "idempotency-key")? else { return Ok(command_id::fresh()) };
        match (self.actor.has_credential(), self.actor.name.as_deref()) {
            (true, name) if (1..=*KEY_BYTES.end()).contains(&key.len()) => {
                Ok(command_id::keyed(&["key", name.unwrap_or_default(), key]))
            }
            (false, _) if KEY_BYTES.contains(&key.len()) => Ok(command_id::keyed(&["anonymous", key])),
            (true | false, _) => Err(Problem::malformed(
                "Idempotency-Key must be at most 255 characters, and at least 16 without a credential",
            )),
        }
    }
}

/// Lets a request through to its operation, or says why not.
pub(crate) async fn admit(
    State((edge, operation)): State<(Edge, &'static Operation)>,
    request: Request,
    next: Next,
) -> Response {
    if operation.access == Access::Health {
        return next.run(request).await;
    }
    let address = address::client(&request, &edge.gate.proxies);
    let response = match operation.access {
        Access::LiveKit => admit_livekit(&edge, request, address, next).await,
        Access::Login => admit_login(&edge, request, address, next).await,
        Access::Health | Access::Public | Access::Holder | Access::Open(..) | Access::Secret(_) => {
            admit_caller(&edge, operation, request, address, next).await
        }
    };
    edge.refused.note(&response, address);
    response
}

async fn admit_caller(edge: &Edge, operation: &Operation, request: Request, address: IpAddr, next: Next) -> Response {
    let (request, counted) = match admitted(edge, operation, request, address).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.into_response(),
    };
    let response = next.run(request).await;
    if counted && operation.access == Access::Holder && response.status() == StatusCode::NOT_FOUND {
        edge.rates.found_nothing(address);
    }
    response
}

/// LiveKit may come as often as it likes; who shows signatures that are none of its is limited like any guesser. What it
/// shows is checked by the operation, which needs the body for it.
async fn admit_livekit(edge: &Edge, mut request: Request, address: IpAddr, next: Next) -> Response {
    let shown = request.headers().contains_key(header::AUTHORIZATION);
    let admitted = if shown { edge.rates.show(address) } else { edge.rates.request(address) };
    if let Err(problem) = admitted {
        return problem.into_response();
    }
    request.extensions_mut().insert(Caller { actor: Actor::of(ActorKind::Livekit) });
    let response = next.run(request).await;
    if shown && response.status() == StatusCode::UNAUTHORIZED {
        edge.rates.not_signed(address);
    }
    response
}

/// Who shows a secret in a body is limited like any guesser. The operation compares it.
async fn admit_login(edge: &Edge, mut request: Request, address: IpAddr, next: Next) -> Response {
    if let Err(problem) = edge.rates.log_in(address) {
        return problem.into_response();
    }
    if !edge.gate.may_hold(address) {
        return Problem::from(Code::AddressNotAllowed).into_response();
    }
    request.extensions_mut().insert(Caller { actor: Actor::of(ActorKind::Anonymous) });
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        edge.rates.not_logged_in(address);
    }
    response
}

/// The request with its caller, and whether it counts: a valid credential is exempt.
async fn admitted(
    edge: &Edge,
    operation: &Operation,
    request: Request,
    address: IpAddr,
) -> Result<(Request, bool), Problem> {
    let gate = &edge.gate;
    let identified = gate.identify(operation.access, request).await;
    // Who shows a wrong credential is counted like who shows none.
    let counted = !matches!(&identified, Ok((_, Some(_))));
    if counted {
        edge.rates.request(address)?;
        if operation.access == Access::Holder {
            edge.rates.look(address)?;
        }
    }
    let (mut request, held) = identified?;
    let held = match held {
        // A browser sends the cookie wherever it is: what anybody may see is still seen.
        Some(Held::Console(_)) if !gate.may_hold(address) && !gate.needs_credential(operation.access) => None,
        Some(_) if !gate.may_hold(address) => return Err(Code::AddressNotAllowed.into()),
        held => held,
    };
    let caller = gate.caller(operation.access, held)?;
    request.extensions_mut().insert(caller);
    Ok((request, counted))
}

impl Gate {
    /// The key that is shown, if one is. A wrong one is an error; a bearer's token that is none of ours is only where a
    /// credential is needed, for it may be meant for somebody else.
    async fn identify(&self, access: Access, request: Request) -> Result<(Request, Option<Held<'_>>), Problem> {
        match Shown::read(request.headers())? {
            Shown::Nothing => Ok((request, None)),
            // Where no key is configured there is nothing to be wrong.
            Shown::Secret(_) | Shown::Bearer(_) | Shown::Signature(_) | Shown::Passes(_) if self.unlocked => {
                Ok((request, None))
            }
            Shown::Secret(secret) => {
                let key = self.keys.with_secret(&secret).ok_or_else(credential::invalid)?;
                Ok((request, Some(Held::Key(key))))
            }
            Shown::Bearer(secret) => match self.keys.with_secret(&secret) {
                None if self.needs_credential(access) => Err(credential::invalid()),
                key => Ok((request, key.map(Held::Key))),
            },
            // A browser sends them by itself, also those that have run out: these are as if there was none.
            Shown::Passes(passes) => match self.keys.that_passed(&passes) {
                Some(_) if !is_safe(request.method()) && !is_own_page(request.headers(), self.own.as_deref()) => {
                    if self.needs_credential(access) { Err(Code::OriginNotAllowed.into()) } else { Ok((request, None)) }
                }
                key => Ok((request, key.map(Held::Console))),
            },
            Shown::Signature(signature) => {
                let signature = signature.ok_or_else(credential::invalid)?;
                let (parts, body) = request.into_parts();
                let body = body::collect(body).await?;
                let key = self.keys.that_signed(&signature, &parts.method, &parts.uri, &body);
                let held = Held::Key(key.ok_or_else(credential::invalid)?);
                Ok((Request::from_parts(parts, Body::from(body)), Some(held)))
            }
        }
    }

    fn needs_credential(&self, access: Access) -> bool {
        match access {
            Access::Health | Access::Public | Access::Holder | Access::LiveKit | Access::Login => false,
            Access::Open(door, _) => !self.is_open(door),
            Access::Secret(_) => !self.unlocked,
        }
    }

    fn caller(&self, access: Access, held: Option<Held<'_>>) -> Result<Caller, Problem> {
        let anonymous = || Actor::of(ActorKind::Anonymous);
        let actor = match (access, held) {
            (Access::Holder, _) => Actor::of(ActorKind::Holder),
            (Access::LiveKit, _) => Actor::of(ActorKind::Livekit),
            // Nobody chose to show the cookie: where it is not enough, anybody may still come through an open door.
            (Access::Open(door, scope), Some(held @ Held::Console(_))) if self.is_open(door) => {
                held.with(scope).unwrap_or_else(|_| anonymous())
            }
            (Access::Open(_, scope) | Access::Secret(scope), Some(held)) => held.with(scope)?,
            (Access::Health | Access::Public | Access::Login, Some(held)) => held.actor(),
            (Access::Health | Access::Public | Access::Login, None) => anonymous(),
            (Access::Open(..) | Access::Secret(_), None) if self.needs_credential(access) && !self.unlocked => {
                return Err(Code::CredentialRequired.into());
            }
            (Access::Secret(_), None) => development(),
            // A door that was closed, where nobody has a key: development mode without one.
            (Access::Open(door, _), None) if !self.is_open(door) => development(),
            (Access::Open(..), None) => anonymous(),
        };
        Ok(Caller { actor })
    }

    /// Whether a credential counts from this address.
    fn may_hold(&self, address: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }

    /// The key with this secret.
    pub(crate) fn key(&self, secret: &Secret) -> Option<&Key> {
        self.keys.with_secret(secret)
    }

    /// The key that our own pages hold, by their cookie.
    pub(crate) fn console(&self, headers: &HeaderMap) -> Option<&Key> {
        self.keys.that_passed(&Pass::read(headers))
    }

    /// Whether everybody may do everything: development without a key.
    pub(crate) fn is_unlocked(&self) -> bool {
        self.unlocked
    }

    /// Where our own pages are, when it is known: an origin.
    pub(crate) fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// Whether anybody may come through a door.
    pub(crate) fn is_open(&self, door: Door) -> bool {
        self.open.contains(&door)
    }

    /// Says once what is open.
    pub(crate) fn warn(&self) {
        for door in self.open.iter().filter(|door| door.mints()) {
            tracing::warn!(door = door.word(), "anybody may get into rooms through this door (OPEN_ENDPOINTS)");
        }
        if self.unlocked {
            tracing::warn!("development mode without a secret: what needs a credential is open to anybody");
        }
    }
}

/// Whoever sits at this machine.
fn development() -> Actor {
    Actor { kind: ActorKind::Operator, name: Some("development".to_owned()) }
}
