//! Rows of state, in the order of their tables' columns: as a statement gives them, as events change them.

use avanzacast_worker::store::{Cell, Kind, Op, Table};
use serde::Deserialize;

/// Something that is kept in a table of its own.
pub(super) trait Row: Clone {
    /// Where; the first column is the key that rows are changed by.
    const TABLE: &'static Table;

    /// What events know it by.
    fn name(&self) -> String;

    /// All of it.
    fn cells(&self) -> Vec<Cell>;
}

/// Declares a row and its table: fields in the order of the columns, each of them named alike.
macro_rules! row {
    ($(#[$doc:meta])* $row:ident = $table:literal, by $name:ident: $($field:ident: $type:ty = $kind:ident,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        pub(super) struct $row { $(pub(super) $field: $type,)* }

        impl Row for $row {
            const TABLE: &'static Table =
                &Table { name: $table, columns: &[$((stringify!($field), Kind::$kind),)*] };

            fn name(&self) -> String {
                self.$name.to_string()
            }

            fn cells(&self) -> Vec<Cell> {
                vec![$(self.$field.clone().into(),)*]
            }
        }
    };
}

row! {
    /// A session. Moments are Unix milliseconds, a token's are seconds.
    Session = "session", by participant:
    id: String = Text,
    participant: String = Text,
    room: String = Text,
    role: String = Text,
    origin: String = Text,
    single_use: i64 = Int,
    state: String = Text,
    ttl: i64 = Int,
    created_at: i64 = Int,
    expires_at: i64 = Int,
    jti: Option<String> = Text,
    nbf: Option<i64> = Int,
    exp: Option<i64> = Int,
    token: Option<String> = Text,
    resume_hash: Option<String> = Text,
    consumed_at: Option<i64> = Int,
    resume_until: Option<i64> = Int,
    due_at: i64 = Int,
    broadcast_id: Option<String> = Text,
    created_by: Option<i64> = Int,
    fingerprint: Option<String> = Text,
}

row! {
    /// A user.
    Account = "account", by id:
    id: i64 = Int,
    email_key: Option<String> = Text,
    username_key: Option<String> = Text,
    is_admin: i64 = Int,
    created_at: i64 = Int,
}

row! {
    /// A broadcast.
    Broadcast = "broadcast", by id:
    id: String = Text,
    owner_id: Option<i64> = Int,
    status: String = Text,
    created_at: i64 = Int,
    started_at: Option<i64> = Int,
    ended_at: Option<i64> = Int,
}

row! {
    /// A room's life in LiveKit.
    Room = "room", by sid:
    sid: String = Text,
    name: String = Text,
    started_at: Option<i64> = Int,
    finished_at: Option<i64> = Int,
    forget_at: Option<i64> = Int,
}

row! {
    /// Somebody's stay in a room.
    Stay = "presence", by sid:
    sid: String = Text,
    room: String = Text,
    room_sid: String = Text,
    identity: String = Text,
    participant: Option<String> = Text,
    identity_hash: Option<String> = Text,
    known: i64 = Int,
    joined_at: Option<i64> = Int,
    left_at: Option<i64> = Int,
    report_at: Option<i64> = Int,
    forget_at: Option<i64> = Int,
}

/// Sessions, rooms and stays live this long after their end, as the workers keep them.
pub(super) const FORGET_MS: i64 = 7 * 24 * 60 * 60 * 1000;

impl Session {
    /// When the sweep has to look at it, as the session worker counts it.
    pub(super) fn due(&self) -> i64 {
        if self.state == "open" {
            return self.expires_at;
        }
        let token = self.exp.unwrap_or_default().saturating_mul(1000);
        self.expires_at.max(token).max(self.resume_until.unwrap_or_default()).saturating_add(FORGET_MS)
    }
}

/// Rows that were read, and what became of them.
#[derive(Debug)]
pub(super) struct Kept<T>(std::collections::HashMap<String, (T, Option<Op>)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(std::collections::HashMap::new())
    }
}

impl<T: Row> Kept<T> {
    /// Takes in what was read.
    pub(super) fn read(rows: Option<Vec<T>>) -> Self {
        Self(rows.into_iter().flatten().map(|row| (row.name(), (row, None))).collect())
    }

    /// A row, as the events so far have left it.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|(row, _)| row)
    }

    /// Adds a row, or puts it in the place of the one with its name.
    pub(super) fn put(&mut self, row: T) {
        let op = match self.0.get(&row.name()) {
            Some((_, None | Some(Op::Update | Op::Delete))) => Op::Update,
            Some((_, Some(Op::Insert))) | None => Op::Insert,
        };
        self.0.insert(row.name(), (row, Some(op)));
    }

    /// Changes a row, if it is there.
    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut T)) {
        if let Some(mut row) = self.get(name).cloned() {
            change(&mut row);
            self.put(row);
        }
    }

    /// What is to be written.
    pub(super) fn changes(&self) -> impl Iterator<Item = avanzacast_worker::store::Change> {
        [Op::Insert, Op::Update].into_iter().filter_map(|wanted| {
            let rows = self.0.values().filter(|(_, op)| *op == Some(wanted));
            let rows: Vec<_> = rows.map(|(row, _)| row.cells()).collect();
            (!rows.is_empty()).then_some(avanzacast_worker::store::Change { table: T::TABLE, op: wanted, rows })
        })
    }
}
