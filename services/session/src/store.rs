//! Sessions in the database: rows. The statements are in [`crate::statements`].

use avanzacast_livekit::Stamp;
use avanzacast_schemas::{ParticipantId, Role, RoomName, SessionId, TokenOrigin};
use avanzacast_worker::{
    person::Personal,
    store::{Cell, Kind, Table},
};
use serde::{Deserialize, Deserializer, de::Error};
use uuid::Uuid;

use crate::{
    state::{Consumption, Session, Sessions, State},
    traces,
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
        ("broadcast_id", Kind::Text),
        ("created_by", Kind::Int),
        ("fingerprint", Kind::Text),
    ],
};

/// What a batch's read gives.
#[derive(Default, Deserialize)]
pub(crate) struct Rows {
    pub(crate) sessions: Option<Vec<Row>>,
    /// Id and status.
    pub(crate) broadcasts: Option<Vec<(Uuid, String)>>,
    /// Only where somebody is to be forgotten.
    #[serde(default)]
    pub(crate) traces: Option<traces::Read>,
}

impl From<Rows> for Sessions {
    fn from(rows: Rows) -> Self {
        let mut sessions = Self::default();
        for row in rows.sessions.into_iter().flatten() {
            sessions.insert_read(row.into());
        }
        for (id, status) in rows.broadcasts.into_iter().flatten() {
            sessions.insert_broadcast(id, status == "ended");
        }
        sessions.traces = rows.traces.unwrap_or_default().into();
        sessions
    }
}

/// A session as the database has it.
#[derive(Deserialize)]
pub(crate) struct Row {
    #[serde(deserialize_with = "stored")]
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
    broadcast_id: Option<Uuid>,
    /// Whether that is over: 1 or 0.
    #[serde(default)]
    broadcast_over: u8,
    created_by: Option<i64>,
    fingerprint: Option<String>,
    /// In a page: which of the rows looked through this is.
    pub(crate) place: Option<u32>,
}

/// An id, or what stands in the place of one that was lost.
fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SessionId, D::Error> {
    SessionId::stored(String::deserialize(deserializer)?).map_err(|invalid| D::Error::custom(invalid.0))
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
            broadcast: row.broadcast_id,
            broadcast_over: row.broadcast_over == 1,
            created_by: row.created_by,
            fingerprint: row.fingerprint,
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
        session.broadcast.map(|id| id.to_string()).into(),
        session.created_by.into(),
        session.fingerprint.clone().into(),
    ]
}
