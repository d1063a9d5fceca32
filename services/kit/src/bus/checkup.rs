//! A look at the bus that changes nothing.

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, RequestErrorKind, StatusCode,
    jetstream::{
        self, ErrorCode,
        context::GetStreamErrorKind,
        stream::{Config, Stream},
    },
};
use avanzacast_schemas::bus::{consumer as consumers, stream, subject};
use tokio::sync::watch;

use super::{Bus, CONNECT_TIMEOUT, SERVER_TIMEOUT};
use crate::{
    checkup::Finding,
    config::BusConfig,
    provision::{Provision, wanted},
};

/// The oldest server whose streams can be as `provision` makes them (persist modes, time to live per message).
const OLDEST: (u64, u64) = (2, 12);
/// More than this waits for a worker only when there is none, or it is in trouble.
const BACKLOG: u64 = 1_000;
const PROVISION: &str = "run `avanzacast provision`";

/// The address without what may stand before an `@` in it: a password.
#[must_use]
pub fn shown(url: &str) -> String {
    let one = |url: &str| match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or_default()),
        None => url.rsplit('@').next().unwrap_or_default().to_owned(),
    };
    url.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// Connects as the user under this name, at once or not at all.
///
/// # Errors
/// Why not, and what to do.
pub async fn visit(config: &BusConfig, name: &str) -> Result<Bus, Finding> {
    let connected =
        ConnectOptions::with_user_and_password(config.user.name().to_owned(), config.password.reveal().to_owned())
            .name(name)
            .custom_inbox_prefix(config.user.inbox_prefix())
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(SERVER_TIMEOUT))
            .max_reconnects(1)
            .connect(config.url.split(',').map(str::to_owned).collect::<Vec<_>>())
            .await;
    let client = connected.map_err(|error| refused(config, &error))?;
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(SERVER_TIMEOUT);
    Ok(Bus { client, jetstream, connections: watch::channel(1).1 })
}

fn refused(config: &BusConfig, error: &ConnectError) -> Finding {
    let (at, user) = (shown(&config.url), config.user.name());
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => Finding::problem(
            "bus",
            format!("the server at {at} refuses the user {user}"),
            format!("{} must be what nats-server was started with, by nats.conf", config.user.password_variable()),
        ),
        ConnectErrorKind::ServerParse => {
            Finding::problem("bus", format!("NATS_URL is no address: {at}"), "write nats://host:4222")
        }
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => Finding::problem(
            "bus",
            format!("no server answers at {at} ({})", error.kind()),
            "start nats-server, or correct NATS_URL",
        ),
    }
}

/// What the server says of itself.
#[must_use]
pub fn server(bus: &Bus, config: &BusConfig) -> Vec<Finding> {
    let info = bus.client().server_info();
    let (at, user, version) = (shown(&config.url), config.user.name(), &info.version);
    let mut parts = version.split('.').map_while(|part| part.parse::<u64>().ok());
    let new_enough = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) >= OLDEST;
    let said = format!("nats-server {version} at {at} takes the user {user}");
    let reached = if new_enough {
        Finding::ok("bus", said)
    } else {
        Finding::problem("bus", said, format!("it needs nats-server {}.{} or newer", OLDEST.0, OLDEST.1))
    };
    let jetstream = if info.jetstream {
        Finding::ok("JetStream", "on")
    } else {
        Finding::problem("JetStream", "off", "start nats-server with this repository's nats.conf")
    };
    vec![reached, jetstream]
}

/// The streams (and the bucket, which is one) of these names against what `provision` makes by this specification.
pub async fn streams(bus: &Bus, spec: &Provision, names: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wanted in wanted(spec).into_iter().filter(|wanted| names.contains(&wanted.name.as_str())) {
        let name = label(&wanted.name);
        findings.push(match bus.jetstream().get_stream(&wanted.name).await {
            Ok(found) => compared(name, &wanted, &found),
            Err(error) if is_missing(&error.kind()) => Finding::problem(name, "not there", PROVISION),
            Err(error) => Finding::problem(name, format!("cannot be seen: {error}"), "look at nats-server's log"),
        });
    }
    findings
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// How findings name a stream.
fn label(name: &str) -> &'static str {
    [stream::EVENTS, stream::INTAKE, stream::DEAD].into_iter().find(|known| *known == name).unwrap_or("bucket sessions")
}

fn compared(name: &'static str, wanted: &Config, found: &Stream) -> Finding {
    let info = found.cached_info();
    let held = format!("{} messages", info.state.messages);
    let differences = differences(wanted, &info.config);
    if !differences.is_empty() {
        return Finding::warning(name, format!("{held}; not as provisioned: {}", differences.join(", ")), PROVISION);
    }
    if name == stream::DEAD && info.state.messages > 0 {
        let advice = "`avanzacast dead list` says why, and what to do with them";
        return Finding::warning(name, format!("{held} could never work"), advice);
    }
    Finding::ok(name, format!("as provisioned, {held}"))
}

/// The settings that matter, as they are and as they should be.
fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut all = Vec::new();
    macro_rules! compare {
        ($($field:ident),*) => {$(
            if wanted.$field != found.$field {
                all.push(format!("{} is {:?}, not {:?}", stringify!($field), found.$field, wanted.$field));
            }
        )*};
    }
    compare!(subjects, retention, storage, discard, max_age, max_bytes, num_replicas, allow_message_ttl);
    // The server may offer more than was asked for.
    if wanted.allow_direct && !found.allow_direct {
        all.push("allow_direct is off".to_owned());
    }
    all
}

/// A worker's consumer of INTAKE, by its name on the bus. What waits there for a worker that does not run fills the stream
/// for all.
pub async fn consumer(bus: &Bus, durable: &'static str) -> Finding {
    let name = if durable == consumers::INTAKE_ROOM { "consumer room" } else { "consumer session" };
    let found = bus
        .jetstream()
        .get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>(durable, stream::INTAKE)
        .await;
    match found {
        Ok(found) if found.cached_info().config.max_deliver > 0 => {
            Finding::problem(name, "it forgets messages after some attempts", PROVISION)
        }
        Ok(found) if found.cached_info().num_pending > BACKLOG => Finding::warning(
            name,
            format!("{} messages wait in INTAKE", found.cached_info().num_pending),
            "see that its worker runs, and that its database answers",
        ),
        Ok(found) => Finding::ok(name, format!("{} messages wait in INTAKE", found.cached_info().num_pending)),
        Err(error) => Finding::problem(name, format!("not there ({error})"), PROVISION),
    }
}

/// Whether the session cache is there, for a user that may only read it.
pub async fn bucket(bus: &Bus) -> Finding {
    let name = "bucket sessions";
    let subject = format!("$JS.API.DIRECT.GET.{}.{}doctor", stream::KV_SESSIONS, subject::SESSION_CACHE_PREFIX);
    let client: &Client = bus.client();
    match client.request(subject, "".into()).await {
        Ok(answer) if answer.status.is_none_or(|status| status == StatusCode::NOT_FOUND) => Finding::ok(name, "there"),
        Ok(answer) => Finding::problem(name, format!("it answers {:?}", answer.status), "look at nats-server's log"),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => Finding::warning(
            name,
            "not there: every look at a session asks a worker",
            "run `avanzacast provision` (again after each start of nats-server: the cache is in its memory)",
        ),
        Err(error) => Finding::problem(name, format!("cannot be read: {error}"), "look at nats-server's log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(shown("nats://ana:p@ss@h:4222,nats://i:1"), "nats://h:4222,nats://i:1");
        assert_eq!(shown("ana:pass@h"), "h");
    }
}
