//! Sessions in the database.

use avanzacast_schemas::{ParticipantId, Role, RoomName, SessionId, TokenOrigin};
use avanzacast_worker::store::{Cell, Kind, Sql, Table};
use serde::Deserialize;

use crate::{
    minting::Stamp,
    state::{Consumption, Personal, Session, State},
};

pub(crate) static SESSION: Table = Table {
    name: "session",
    columns: &[
        ("id", Kind::Text),
        ("participant", Kind::Text),
        ("room", Kind::Text),
        ("role", Kind::Text),
        ("origin", Kind::Text),
        ("single_use", Kind::Int),
        ("state", Kind::Text),
        ("ttl", Kind::Int),
        ("created_at", Kind::Int),
        ("expires_at", Kind::Int),
        ("jti", Kind::Text),
        ("nbf", Kind::Int),
        ("exp", Kind::Int),
        ("token", Kind::Text),
        ("resume_hash", Kind::Text),
        ("consumed_at", Kind::Int),
        ("resume_until", Kind::Int),
        ("due_at", Kind::Int),
    ],
};

pub(crate) static PERSON: Table = Table {
    name: "person",
    columns: &[
        ("subject", Kind::Text),
        ("field", Kind::Text),
        ("salt", Kind::Text),
        ("value", Kind::Text),
        ("recorded_at", Kind::Int),
    ],
};

/// A row of `person`.
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) field: &'static str,
    pub(crate) personal: Personal,
    pub(crate) recorded_at: i64,
}

/// Selects sessions by id, each as an object of [`Row`].
pub(crate) const BY_ID: Sql = Sql {
    postgres: concat!(
        "SELECT json_agg(r) FROM (SELECT s.*, n.salt AS name_salt, n.value AS name,
            i.salt AS identity_salt, i.value AS identity FROM session s
         LEFT JOIN person n ON n.subject = s.participant AND n.field = 'name'
         LEFT JOIN person i ON i.subject = s.participant AND i.field = 'identity'",
        " WHERE s.id = ANY($1)) r"
    ),
    sqlite: concat!(
        "SELECT json_group_array(json_object('id', s.id, 'room', s.room, 'role', s.role, 'origin', s.origin,
            'single_use', s.single_use, 'state', s.state, 'ttl', s.ttl, 'created_at', s.created_at,
            'expires_at', s.expires_at, 'jti', s.jti, 'nbf', s.nbf, 'exp', s.exp, 'token', s.token,
            'resume_hash', s.resume_hash, 'consumed_at', s.consumed_at, 'resume_until', s.resume_until,
            'name_salt', n.salt, 'name', n.value, 'identity_salt', i.salt, 'identity', i.value)) FROM session s
         LEFT JOIN person n ON n.subject = s.participant AND n.field = 'name'
         LEFT JOIN person i ON i.subject = s.participant AND i.field = 'identity'",
        " WHERE s.id IN (SELECT value FROM json_each(?1))"
    ),
};

/// Selects what the sweep has to end, as [`Row`]s without what it does not need.
pub(crate) const DUE: Sql = Sql {
    postgres: "SELECT json_agg(r) FROM (SELECT * FROM session
        WHERE due_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint AND state = 'open'
            AND $1::text[] IS NOT NULL ORDER BY due_at LIMIT 500) r",
    sqlite: "SELECT json_group_array(json_object('id', s.id, 'room', s.room, 'role', s.role, 'origin', s.origin,
            'single_use', s.single_use, 'state', s.state, 'ttl', s.ttl, 'created_at', s.created_at,
            'expires_at', s.expires_at, 'jti', s.jti, 'nbf', s.nbf, 'exp', s.exp, 'token', s.token))
        FROM (SELECT * FROM session WHERE due_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) AND state = 'open'
            AND ?1 IS NOT NULL ORDER BY due_at LIMIT 500) s",
};

/// Forgets sessions that ended long ago.
pub(crate) const PRUNE: Sql = Sql {
    postgres: "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE due_at <= $1 AND state <> 'open'
        ORDER BY due_at LIMIT 1000)",
    sqlite: "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE due_at <= ?1 AND state <> 'open'
        ORDER BY due_at LIMIT 1000)",
};

/// A session as the database has it.
#[derive(Deserialize)]
pub(crate) struct Row {
    id: SessionId,
    room: RoomName,
    role: Role,
    origin: TokenOrigin,
    single_use: u8,
    state: State,
    ttl: u32,
    created_at: i64,
    expires_at: i64,
    jti: Option<String>,
    nbf: Option<i64>,
    exp: Option<i64>,
    token: Option<String>,
    resume_hash: Option<String>,
    consumed_at: Option<i64>,
    resume_until: Option<i64>,
    name_salt: Option<String>,
    name: Option<String>,
    identity_salt: Option<String>,
    identity: Option<String>,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        let personal =
            |salt: Option<String>, value: Option<String>| salt.zip(value).map(|(salt, value)| Personal { salt, value });
        let stamp = match (row.jti, row.nbf, row.exp) {
            (Some(jti), Some(nbf), Some(exp)) => Some(Stamp { jti, nbf, exp }),
            _ => None,
        };
        let consumption = match (row.resume_hash, row.consumed_at, row.resume_until) {
            (Some(resume_hash), Some(at), Some(resume_until)) => Some(Consumption { resume_hash, at, resume_until }),
            _ => None,
        };
        Self {
            id: row.id,
            room: row.room,
            role: row.role,
            origin: row.origin,
            single_use: row.single_use == 1,
            state: row.state,
            ttl: row.ttl,
            created_at: row.created_at,
            expires_at: row.expires_at,
            stamp,
            signed: None,
            token: row.token,
            token_exp: row.exp,
            consumption,
            name: personal(row.name_salt, row.name),
            identity: personal(row.identity_salt, row.identity),
        }
    }
}

/// A session, in the order of [`SESSION`]'s columns.
pub(crate) fn row(session: &Session) -> Vec<Cell> {
    let participant: ParticipantId = session.id.participant();
    let (origin, state) = (
        match session.origin {
            TokenOrigin::Minted => "minted",
            TokenOrigin::External => "external",
        },
        match session.state {
            State::Open => "open",
            State::Consumed => "consumed",
            State::Revoked => "revoked",
            State::Expired => "expired",
        },
    );
    let (stamp, consumption) = (session.stamp.as_ref(), session.consumption.as_ref());
    vec![
        session.id.as_str().into(),
        participant.as_str().into(),
        session.room.as_str().into(),
        session.role.as_str().into(),
        origin.into(),
        i64::from(session.single_use).into(),
        state.into(),
        i64::from(session.ttl).into(),
        session.created_at.into(),
        session.expires_at.into(),
        stamp.map(|stamp| stamp.jti.clone()).into(),
        stamp.map(|stamp| stamp.nbf).into(),
        session.token_exp.into(),
        session.token.clone().into(),
        consumption.map(|consumption| consumption.resume_hash.clone()).into(),
        consumption.map(|consumption| consumption.at).into(),
        consumption.map(|consumption| consumption.resume_until).into(),
        session.due_at().into(),
    ]
}

/// A person's value, in the order of [`PERSON`]'s columns.
pub(crate) fn person_row(person: &Person) -> Vec<Cell> {
    vec![
        person.subject.as_str().into(),
        person.field.into(),
        person.personal.salt.as_str().into(),
        person.personal.value.as_str().into(),
        person.recorded_at.into(),
    ]
}
