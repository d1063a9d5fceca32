//! Who may call the edge.

use ipnet::IpNet;

use super::{Mode, Variables};
use crate::Secret;

/// What a credential allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Sessions and tokens for others: `mint`.
    Mint,
    /// Tokens that another server minted: `register`.
    Register,
    /// Sessions, users and broadcasts: `manage`.
    Manage,
    /// Events and audit: `audit`.
    Audit,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mint, Self::Register, Self::Manage, Self::Audit];

    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mint => "mint",
            Self::Register => "register",
            Self::Manage => "manage",
            Self::Audit => "audit",
        }
    }
}

/// A group of operations that can be open to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `POST /api/session`
    Session,
    /// `GET /api/token`
    Token,
    /// Making and reading broadcasts.
    Broadcasts,
    /// Making and reading users.
    Users,
    /// `POST /api/broadcasts/:id/session`
    BroadcastSession,
    /// What proves the ledger, and shows no event: checkpoint, tiles of hashes, public key.
    Audit,
}

impl Door {
    /// Those that `OPEN_ENDPOINTS` may list.
    pub const LISTED: [Self; 5] = [Self::Session, Self::Token, Self::Broadcasts, Self::Users, Self::BroadcastSession];

    /// Those that are open unless `OPEN_ENDPOINTS` says otherwise: what frontends call without a credential.
    pub const OPEN: [Self; 3] = [Self::Session, Self::Token, Self::Broadcasts];

    /// What it is called, in `OPEN_ENDPOINTS` too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Broadcasts => "broadcasts",
            Self::Users => "users",
            Self::BroadcastSession => "broadcast-session",
            Self::Audit => "audit",
        }
    }

    /// Whether who goes through it comes out with a way into a room.
    #[must_use]
    pub fn mints(self) -> bool {
        match self {
            Self::Session | Self::Token | Self::BroadcastSession => true,
            Self::Broadcasts | Self::Users | Self::Audit => false,
        }
    }
}

/// A secret that callers may show, and what it stands for.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Who it is: stands in events.
    pub name: String,
    /// What is shown, or signs.
    pub secret: Secret,
    /// What it allows.
    pub scopes: Vec<Scope>,
}

/// Who may call, and how they show it.
#[derive(Debug, Clone)]
pub struct AccessConfig {
    /// `BACKEND_REGISTER_SECRET`, each of its values as a key named `register` with every scope, and
    /// `BACKEND_API_KEYS`.
    pub keys: Vec<ApiKey>,
    /// `BACKEND_ALLOWED_IPS`: where a credential may come from; empty is anywhere.
    pub networks: Vec<IpNet>,
    /// `TRUSTED_PROXIES`: whose word about a client's address is believed.
    pub proxies: Vec<IpNet>,
    /// `OPEN_ENDPOINTS`, and `AUDIT_PUBLIC`.
    pub open: Vec<Door>,
    /// Whether what needs a credential is open to anybody: only in development mode, and only while no key is
    /// configured.
    pub unlocked: bool,
    /// `MEET_COMPAT`: whether LiveKit Meet's own endpoint is served.
    pub meet: bool,
}

/// What `BACKEND_REGISTER_SECRET` is called in events.
const REGISTER: &str = "register";
/// Shorter secrets can be guessed by who tries for long.
const SECRET_MIN_BYTES: usize = 16;

impl AccessConfig {
    /// Reads who may call.
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let keys = keys(variables);
        if keys.is_empty() && mode == Mode::Production {
            variables.problem("BACKEND_REGISTER_SECRET or BACKEND_API_KEYS is required in production");
        }
        if keys.iter().any(|key| key.secret.reveal().len() < SECRET_MIN_BYTES) {
            tracing::warn!(min_bytes = SECRET_MIN_BYTES, "a secret of this backend is short");
        }
        let unlocked = keys.is_empty() && mode == Mode::Development;
        Self {
            networks: networks(variables, "BACKEND_ALLOWED_IPS"),
            proxies: networks(variables, "TRUSTED_PROXIES"),
            open: open(variables),
            meet: variables.flag("MEET_COMPAT"),
            unlocked,
            keys,
        }
    }
}

fn keys(variables: &mut Variables) -> Vec<ApiKey> {
    let secrets = variables.secret("BACKEND_REGISTER_SECRET");
    let secrets = secrets.as_ref().map(Secret::reveal).unwrap_or_default();
    let mut keys: Vec<ApiKey> = entries(secrets)
        .map(|secret| ApiKey { name: REGISTER.to_owned(), secret: Secret::new(secret), scopes: Scope::ALL.to_vec() })
        .collect();
    let named = variables.secret("BACKEND_API_KEYS");
    for entry in entries(named.as_ref().map(Secret::reveal).unwrap_or_default()) {
        match api_key(entry) {
            Some(key) if key.name == REGISTER => {
                variables.problem("BACKEND_API_KEYS must not name a key `register`: that is BACKEND_REGISTER_SECRET's");
            }
            // A name may come twice, for rotation; a secret says who calls.
            Some(key) if keys.iter().any(|other| other.secret == key.secret) => {
                variables.problem(format!("the key {} of BACKEND_API_KEYS has the secret of another", key.name));
            }
            Some(key) => keys.push(key),
            // The entry holds a secret: it is not shown.
            None => variables.problem(
                "BACKEND_API_KEYS must be `name:secret:scope+scope`, separated by commas; scopes are mint, register, \
                 manage and audit",
            ),
        }
    }
    keys
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty())
}

fn api_key(entry: &str) -> Option<ApiKey> {
    // A secret may hold colons; names and scopes do not.
    let (name, rest) = entry.split_once(':')?;
    let (secret, scopes) = rest.rsplit_once(':')?;
    let sane = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let scope = |word: &str| Scope::ALL.into_iter().find(|scope| scope.word() == word.trim());
    let scopes = scopes.split('+').map(scope).collect::<Option<Vec<_>>>()?;
    (!name.is_empty() && sane(name) && !secret.is_empty()).then(|| ApiKey {
        name: name.to_owned(),
        secret: Secret::new(secret),
        scopes,
    })
}

fn networks(variables: &mut Variables, name: &str) -> Vec<IpNet> {
    let list = variables.text(name).unwrap_or_default();
    let mut networks = Vec::new();
    for entry in entries(&list) {
        match entry.parse().or_else(|_| entry.parse().map(|address: std::net::IpAddr| IpNet::from(address))) {
            Ok(network) => networks.push(network),
            Err(_) => variables.problem(format!("{name} must be networks such as 10.0.0.0/8, separated by commas")),
        }
    }
    networks
}

fn open(variables: &mut Variables) -> Vec<Door> {
    let mut open = listed(variables);
    open.extend(variables.flag("AUDIT_PUBLIC").then_some(Door::Audit));
    open
}

fn listed(variables: &mut Variables) -> Vec<Door> {
    let Some(list) = variables.text("OPEN_ENDPOINTS") else {
        return Door::OPEN.to_vec();
    };
    if list == "none" {
        return Vec::new();
    }
    let mut open = Vec::new();
    for entry in entries(&list) {
        match Door::LISTED.into_iter().find(|door| door.word() == entry) {
            Some(door) => open.push(door),
            None => variables.problem(
                "OPEN_ENDPOINTS must be `none`, or of session, token, broadcasts, users and broadcast-session, \
                 separated by commas",
            ),
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], mode: Mode) -> Result<AccessConfig, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut variables = Variables::from_map(pairs.collect());
        let config = AccessConfig::read(&mut variables, mode);
        variables.finish().map(|()| config).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_have_names_and_scopes_and_secrets_may_hold_colons() {
        let pairs =
            [("BACKEND_REGISTER_SECRET", "new, old"), ("BACKEND_API_KEYS", "panel:a:b:mint+manage\nci:c:audit")];
        let config = read(&pairs, Mode::Production).unwrap();
        let keys: Vec<_> =
            config.keys.iter().map(|key| (key.name.as_str(), key.secret.reveal(), key.scopes.len())).collect();
        assert_eq!(keys, [("register", "new", 4), ("register", "old", 4), ("panel", "a:b", 2), ("ci", "c", 1)]);
        assert!(!config.unlocked);
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_and_shows_no_secret() {
        for (name, value) in [
            ("BACKEND_API_KEYS", "panel:hush"),
            ("BACKEND_API_KEYS", "panel:hush:root"),
            ("BACKEND_API_KEYS", ":hush:mint"),
            ("BACKEND_API_KEYS", "panel::mint"),
            ("BACKEND_API_KEYS", "register:hush:mint"),
            ("BACKEND_API_KEYS", "panel:hush:mint,ci:hush:audit"),
            ("BACKEND_ALLOWED_IPS", "10.0.0.0/33"),
            ("TRUSTED_PROXIES", "localhost"),
            ("OPEN_ENDPOINTS", "session,all"),
            ("OPEN_ENDPOINTS", "none,session"),
        ] {
            let error = read(&[(name, value)], Mode::Development).unwrap_err();
            assert!(error.contains(name) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn only_development_without_a_key_is_unlocked() {
        assert!(read(&[], Mode::Development).unwrap().unlocked);
        assert!(!read(&[("BACKEND_REGISTER_SECRET", "s")], Mode::Development).unwrap().unlocked);
        assert!(read(&[], Mode::Production).is_err());
        assert_eq!(read(&[("OPEN_ENDPOINTS", "none")], Mode::Development).unwrap().open, []);
    }

    #[test]
    fn what_proves_the_ledger_is_open_when_it_is_said() {
        let read = |pairs: &[(&str, &str)]| read(pairs, Mode::Development).map(|config| config.open);
        assert_eq!(read(&[("OPEN_ENDPOINTS", "none"), ("AUDIT_PUBLIC", "1")]).unwrap(), [Door::Audit]);
        assert!(!read(&[]).unwrap().contains(&Door::Audit));
        assert!(read(&[("OPEN_ENDPOINTS", "audit")]).is_err(), "it is not among the doors that frontends use");
        assert!(read(&[("AUDIT_PUBLIC", "yes")]).is_err());
    }
}
