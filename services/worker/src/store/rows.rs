//! Rows to be written, as the services see them: whole rows, by table.

use serde::Serialize;

/// A column's type. Two are enough for both databases: flags are 0 and 1, moments are numbers, hashes are hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A 64-bit whole number.
    Int,
}

/// A table that a service writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first is the key by which rows are changed.
    pub columns: &'static [(&'static str, Kind)],
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// For a [`Kind::Text`] column.
    Text(Option<String>),
    /// For a [`Kind::Int`] column.
    Int(Option<i64>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

/// What is done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// They are new.
    Insert,
    /// They take the place of rows with the same key; every one must be there.
    Update,
    /// All rows with these keys are gone, however many there were.
    Delete,
}

/// Rows of one table, all new, all changed or all gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: &'static Table,
    /// How.
    pub op: Op,
    /// Whole rows, in the order of the table's columns; of those to be deleted only the key.
    pub rows: Vec<Vec<Cell>>,
}

/// One column of a change, ready to be sent as an array.
pub(super) enum Array {
    Text(Vec<Option<String>>),
    Int(Vec<Option<i64>>),
}

impl Change {
    /// The columns that are sent.
    pub(super) fn sent(&self) -> &'static [(&'static str, Kind)] {
        let all = self.table.columns;
        match self.op {
            Op::Insert | Op::Update => all,
            Op::Delete => all.get(..1).unwrap_or(all),
        }
    }

    /// The name of the column by which rows are found.
    pub(super) fn key(&self) -> &'static str {
        self.table.columns.first().map_or("id", |(name, _)| name)
    }

    /// The rows, column by column. A value of the wrong kind becomes null, which the table's constraints refuse.
    pub(super) fn columns(&self) -> Vec<Array> {
        let column = |(position, (_, kind)): (usize, &(&str, Kind))| match kind {
            Kind::Text => Array::Text(
                self.rows
                    .iter()
                    .map(|row| match row.get(position) {
                        Some(Cell::Text(text)) => text.clone(),
                        Some(Cell::Int(_)) | None => None,
                    })
                    .collect(),
            ),
            Kind::Int => Array::Int(
                self.rows
                    .iter()
                    .map(|row| match row.get(position) {
                        Some(Cell::Int(number)) => *number,
                        Some(Cell::Text(_)) | None => None,
                    })
                    .collect(),
            ),
        };
        self.sent().iter().enumerate().map(column).collect()
    }
}
