//! What can be forgotten about a person: values with salts in a table of their own, whose hashes stand in the ledger and
//! stay valid without them.

use data_encoding::HEXLOWER;
use rand::RngExt;
use sha2::{Digest, Sha256};

use crate::{
    service::Moment,
    store::{Cell, Change, Kind, Op, Table},
};

static TABLE: Table = Table {
    name: "person",
    columns: &[
        ("subject", Kind::Text),
        ("field", Kind::Text),
        ("salt", Kind::Text),
        ("value", Kind::Text),
        ("recorded_at", Kind::Int),
        ("registered_by", Kind::Int),
    ],
};

/// A value with a salt of its own, so that equal values do not look equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// Lower-case hex.
    pub salt: String,
    /// What it is about.
    pub value: String,
}

impl Personal {
    /// Lower-case hex of SHA-256(salt ‖ value); the salt as its bytes.
    #[must_use]
    pub fn hash(&self) -> String {
        let salt = HEXLOWER.decode(self.salt.as_bytes()).unwrap_or_default();
        HEXLOWER.encode(&Sha256::new().chain_update(salt).chain_update(&self.value).finalize())
    }
}

/// A value of a row of `person`, which the ledger knows by its hash only.
#[derive(Debug)]
pub struct Person {
    /// Whose.
    pub subject: String,
    /// Which.
    pub field: &'static str,
    /// The value.
    pub personal: Personal,
    /// Unix milliseconds.
    pub recorded_at: i64,
    /// The user who registered their session: who is erased with everybody whom those let in.
    pub registered_by: Option<i64>,
}

/// Salts a value.
pub fn salted(value: &str, moment: &mut Moment<'_>) -> Personal {
    let salt: [u8; 16] = moment.random.random();
    Personal { salt: HEXLOWER.encode(&salt), value: value.to_owned() }
}

/// The hash; of an erased value, nothing.
#[must_use]
pub fn hash_of(personal: Option<&Personal>) -> String {
    personal.map(Personal::hash).unwrap_or_default()
}

/// The value; of an erased one, nothing.
#[must_use]
pub fn value_of(personal: Option<&Personal>) -> String {
    personal.map(|personal| personal.value.clone()).unwrap_or_default()
}

/// Forgets all values of these subjects.
#[must_use]
pub fn forget(subjects: impl IntoIterator<Item = String>) -> Option<Change> {
    let rows: Vec<_> = subjects.into_iter().map(|subject| vec![subject.into()]).collect();
    (!rows.is_empty()).then_some(Change { table: &TABLE, op: Op::Delete, rows })
}

/// The rows to be written.
#[must_use]
pub fn change(people: &[Person]) -> Option<Change> {
    let row = |person: &Person| -> Vec<Cell> {
        vec![
            person.subject.as_str().into(),
            person.field.into(),
            person.personal.salt.as_str().into(),
            person.personal.value.as_str().into(),
            person.recorded_at.into(),
            person.registered_by.into(),
        ]
    };
    let rows: Vec<_> = people.iter().map(row).collect();
    (!rows.is_empty()).then_some(Change { table: &TABLE, op: Op::Insert, rows })
}
