//! Looking at what a stack keeps, past its own doors: the database as it is, the bus as `admin`, a token's claims.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use avanzacast_schemas::bus::BusUser;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::nats::connect;
use crate::{Postgres, Stack};

/// The key that `livekit-server --dev` accepts, which development mode signs with.
const DEV_KEY: (&str, &str) = ("devkey", "secret");

/// Long after a start.
const DEV_ENV_LIMIT: Duration = Duration::from_secs(10);

/// As `psql -t -A` prints: a line per row, columns separated by `|`.
const SQLITE: &str = r#"
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
try:
    rows = database.execute(sys.argv[2]).fetchall()
except sqlite3.Error as error:
    sys.exit(str(error))
for row in rows:
    print("|".join("" if cell is None else str(cell) for cell in row))
"#;

impl Stack {
    /// Whether the database is the embedded one.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.database.is_none()
    }

    /// Runs SQL in the stack's database, whatever the product thinks of it: a line per row, columns separated by `|`.
    ///
    /// # Errors
    /// What the database says when it refuses.
    pub fn try_query(&self, sql: &str) -> Result<String, String> {
        if let Some(name) = &self.database {
            return Postgres::shared().try_query(name, sql);
        }
        let file = self.data_dir().join("avanzacast.db");
        let output = Command::new("python3").args(["-c", SQLITE]).arg(file).arg(sql).output().expect("python3 runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// As [`Self::try_query`].
    ///
    /// # Panics
    /// When the database refuses.
    pub fn query(&self, sql: &str) -> String {
        self.try_query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The ledger's lines, in order, as they are.
    pub fn ledger(&self) -> Vec<String> {
        self.query("SELECT body FROM ledger ORDER BY seq").lines().map(str::to_owned).collect()
    }

    /// The ledger's events about this participant, in order.
    pub fn events_of(&self, participant: &str) -> Vec<Value> {
        let events = self.ledger().into_iter().map(|body| serde_json::from_str::<Value>(&body).expect("JSON"));
        events.filter(|event| event.pointer("/data/participant").is_some_and(|found| found == participant)).collect()
    }

    /// A connection to the bus as `admin`; with SQLite by what `dev.env` says.
    pub async fn admin(&self) -> async_nats::Client {
        self.bus_as(BusUser::Admin).await
    }

    /// The same as any of the bus's users.
    pub async fn bus_as(&self, user: BusUser) -> async_nats::Client {
        if let Some(nats) = &self.nats {
            return nats.connect(user).await;
        }
        let password = self.dev_env(user.password_variable());
        let options = ConnectOptions::with_user_and_password(user.name().to_owned(), password);
        let options = options.custom_inbox_prefix(user.inbox_prefix());
        connect(options, self.dev_env("NATS_URL")).await
    }

    /// The ledger's events of this type, in order.
    #[must_use]
    pub fn events_of_type(&self, kind: &str) -> Vec<Value> {
        let events = self.ledger().into_iter().map(|body| serde_json::from_str::<Value>(&body).expect("JSON"));
        events.filter(|event| event["type"] == kind).collect()
    }

    /// A variable of `DATA_DIR/dev.env`.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn dev_env(&self, name: &str) -> String {
        let (file, deadline) = (self.data_dir().join("dev.env"), Instant::now() + DEV_ENV_LIMIT);
        // It is written at the end of the start, after the first request could be answered.
        while !file.exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let text = fs::read_to_string(file).expect("dev.env is there");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in dev.env")).to_owned()
    }

    /// The LiveKit key and secret that tokens are signed with.
    #[must_use]
    pub fn signing_key(&self) -> (&str, &str) {
        if self.is_sqlite() { DEV_KEY } else { self.livekit() }
    }
}

/// A token's claims, unchecked.
///
/// # Panics
/// When it is not a JWT.
#[must_use]
pub fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWT: {token}"));
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).expect("a JWT is base64url without padding");
    serde_json::from_slice(&bytes).expect("claims are JSON")
}
