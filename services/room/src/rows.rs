//! Rooms and stays in the database: rows. The statements are in [`crate::statements`].

use avanzacast_schemas::{Identity, ParticipantId, RoomName};
use avanzacast_worker::store::{Cell, Change, Kind, Op, Table};
use serde::Deserialize;

/// A room's life.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Room {
    pub(crate) sid: String,
    pub(crate) name: RoomName,
    /// Unix milliseconds.
    pub(crate) started_at: Option<i64>,
    /// Unix milliseconds.
    pub(crate) finished_at: Option<i64>,
    /// When the row may go: Unix milliseconds, by our own clock.
    pub(crate) forget_at: Option<i64>,
}

/// Somebody's stay in a room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Stay {
    pub(crate) sid: String,
    pub(crate) room: RoomName,
    pub(crate) room_sid: String,
    pub(crate) identity: Identity,
    /// Whom a session of ours let in.
    pub(crate) participant: Option<ParticipantId>,
    /// What the ledger says of another identity.
    pub(crate) identity_hash: Option<String>,
    /// Whether the token was one of ours or registered: 1 or 0.
    pub(crate) known: u8,
    /// Unix milliseconds; unset while only the end is known.
    pub(crate) joined_at: Option<i64>,
    /// Unix milliseconds.
    pub(crate) left_at: Option<i64>,
    /// When somebody unknown is reported: Unix milliseconds.
    pub(crate) report_at: Option<i64>,
    /// When the row may go: Unix milliseconds, by our own clock.
    pub(crate) forget_at: Option<i64>,
}

/// Something that is kept in a table of its own.
pub(crate) trait Row: Clone {
    /// Where.
    const TABLE: &'static Table;

    /// The key.
    fn key(&self) -> &str;

    /// All of it, in the order of the table's columns.
    fn cells(&self) -> Vec<Cell>;
}

impl Row for Room {
    const TABLE: &'static Table = &Table {
        name: "room",
        columns: &[
            ("sid", Kind::Text),
            ("name", Kind::Text),
            ("started_at", Kind::Int),
            ("finished_at", Kind::Int),
            ("forget_at", Kind::Int),
        ],
    };

    fn key(&self) -> &str {
        &self.sid
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.sid.as_str().into(),
            self.name.as_str().into(),
            self.started_at.into(),
            self.finished_at.into(),
            self.forget_at.into(),
        ]
    }
}

impl Row for Stay {
    const TABLE: &'static Table = &Table {
        name: "presence",
        columns: &[
            ("sid", Kind::Text),
            ("room", Kind::Text),
            ("room_sid", Kind::Text),
            ("identity", Kind::Text),
            ("participant", Kind::Text),
            ("identity_hash", Kind::Text),
            ("known", Kind::Int),
            ("joined_at", Kind::Int),
            ("left_at", Kind::Int),
            ("report_at", Kind::Int),
            ("forget_at", Kind::Int),
        ],
    };

    fn key(&self) -> &str {
        &self.sid
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.sid.as_str().into(),
            self.room.as_str().into(),
            self.room_sid.as_str().into(),
            self.identity.as_str().into(),
            self.participant.as_ref().map(|participant| participant.as_str().to_owned()).into(),
            self.identity_hash.clone().into(),
            i64::from(self.known).into(),
            self.joined_at.into(),
            self.left_at.into(),
            self.report_at.into(),
            self.forget_at.into(),
        ]
    }
}

/// Rows that were read, and what became of them.
#[derive(Debug)]
pub(crate) struct Rows<T>(Vec<(T, Option<Op>)>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Row> Rows<T> {
    /// Takes in what was read.
    pub(crate) fn read(rows: Option<Vec<T>>) -> Self {
        Self(rows.into_iter().flatten().map(|row| (row, None)).collect())
    }

    /// A row, as the decisions so far have left it.
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(row, _)| row.key() == key).map(|(row, _)| row)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<T> {
        self.0.iter().map(|(row, _)| row.clone()).collect()
    }

    /// Adds a row, or puts it in the place of the one with its key.
    pub(crate) fn put(&mut self, new: T) {
        match self.0.iter_mut().find(|(row, _)| row.key() == new.key()) {
            Some((row, op)) => {
                *row = new;
                *op = op.or(Some(Op::Update));
            }
            None => self.0.push((new, Some(Op::Insert))),
        }
    }

    /// What is to be written.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let change = |wanted: Op| {
            let rows = self.0.iter().filter(|(_, op)| *op == Some(wanted));
            let rows: Vec<_> = rows.map(|(row, _)| row.cells()).collect();
            (!rows.is_empty()).then_some(Change { table: T::TABLE, op: wanted, rows })
        };
        [Op::Insert, Op::Update].into_iter().filter_map(change).collect()
    }
}
