//! Users and broadcasts in the database.

use avanzacast_kit::time;
use avanzacast_schemas::{BroadcastStatus, User};
use avanzacast_worker::store::{Cell, Kind, Sql, Table};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    person::Person,
    state::{Account, Broadcast, Studio},
};

pub(crate) static ACCOUNT: Table = Table {
    name: "account",
    columns: &[
        ("id", Kind::Int),
        ("email_key", Kind::Text),
        ("username_key", Kind::Text),
        ("is_admin", Kind::Int),
        ("created_at", Kind::Int),
    ],
};

pub(crate) static BROADCAST: Table = Table {
    name: "broadcast",
    columns: &[
        ("id", Kind::Text),
        ("owner_id", Kind::Int),
        ("status", Kind::Text),
        ("created_at", Kind::Int),
        ("started_at", Kind::Int),
        ("ended_at", Kind::Int),
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

/// Selects what keys name, as an object of [`Rows`]: users by `u:<id>`, `e:<e-mail key>` and `n:<username key>`,
/// broadcasts by `b:<id>`, and for `next` and `last` the ids that were given last.
pub(crate) const BY_KEY: Sql = Sql {
    postgres: "SELECT json_build_object(
        'users', (SELECT json_agg(r) FROM (SELECT a.*,
                (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'email') AS email,
                (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'username') AS username,
                (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'displayName') AS display_name
            FROM account a
            WHERE a.id = ANY(ARRAY(SELECT CASE WHEN k LIKE 'u:%' THEN substr(k, 3)::bigint END FROM unnest($1::text[]) k))
                OR a.email_key = ANY(ARRAY(SELECT substr(k, 3) FROM unnest($1::text[]) k WHERE k LIKE 'e:%'))
                OR a.username_key = ANY(ARRAY(SELECT substr(k, 3) FROM unnest($1::text[]) k WHERE k LIKE 'n:%'))) r),
        'broadcasts', (SELECT json_agg(r) FROM (SELECT b.*,
                (SELECT value FROM person WHERE subject = 'broadcast_' || b.id AND field = 'title') AS title,
                (SELECT value FROM person WHERE subject = 'broadcast_' || b.id AND field = 'description') AS description
            FROM broadcast b
            WHERE b.id = ANY(ARRAY(SELECT substr(k, 3) FROM unnest($1::text[]) k WHERE k LIKE 'b:%'))) r),
        'greatest_user', CASE WHEN 'next' = ANY($1::text[]) THEN (SELECT max(id) FROM account) END,
        'newest_broadcast', CASE WHEN 'last' = ANY($1::text[]) THEN (SELECT max(id) FROM broadcast) END)",
    sqlite: "SELECT json_object(
        'users', (SELECT json_group_array(json_object('id', a.id, 'email_key', a.email_key,
                'username_key', a.username_key, 'is_admin', a.is_admin, 'created_at', a.created_at,
                'email', (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'email'),
                'username', (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'username'),
                'display_name', (SELECT value FROM person WHERE subject = 'user_' || a.id AND field = 'displayName')))
            FROM account a
            WHERE a.id IN (SELECT CAST(substr(value, 3) AS INTEGER) FROM json_each(?1) WHERE value GLOB 'u:*')
                OR a.email_key IN (SELECT substr(value, 3) FROM json_each(?1) WHERE value GLOB 'e:*')
                OR a.username_key IN (SELECT substr(value, 3) FROM json_each(?1) WHERE value GLOB 'n:*')),
        'broadcasts', (SELECT json_group_array(json_object('id', b.id, 'owner_id', b.owner_id, 'status', b.status,
                'created_at', b.created_at, 'started_at', b.started_at, 'ended_at', b.ended_at,
                'title', (SELECT value FROM person WHERE subject = 'broadcast_' || b.id AND field = 'title'),
                'description', (SELECT value FROM person WHERE subject = 'broadcast_' || b.id AND field = 'description')))
            FROM broadcast b
            WHERE b.id IN (SELECT substr(value, 3) FROM json_each(?1) WHERE value GLOB 'b:*')),
        'greatest_user',
            CASE WHEN 'next' IN (SELECT value FROM json_each(?1)) THEN (SELECT max(id) FROM account) END,
        'newest_broadcast',
            CASE WHEN 'last' IN (SELECT value FROM json_each(?1)) THEN (SELECT max(id) FROM broadcast) END)",
};

/// Everything that keys name.
#[derive(Deserialize)]
pub(crate) struct Rows {
    users: Option<Vec<UserRow>>,
    broadcasts: Option<Vec<BroadcastRow>>,
    greatest_user: Option<i64>,
    newest_broadcast: Option<Uuid>,
}

impl Rows {
    pub(crate) fn into_state(self) -> Studio {
        let mut studio = Studio::default();
        studio.continue_from(self.greatest_user.unwrap_or_default(), self.newest_broadcast);
        for mut row in self.users.unwrap_or_default() {
            let keys = (row.email_key.take(), row.username_key.take());
            studio.user_read(row.into(), keys.0, keys.1);
        }
        for row in self.broadcasts.unwrap_or_default() {
            studio.broadcast_read(row.into());
        }
        studio
    }
}

/// A user as the database has it.
#[derive(Deserialize)]
struct UserRow {
    id: i64,
    email_key: Option<String>,
    username_key: Option<String>,
    is_admin: u8,
    created_at: i64,
    email: Option<String>,
    username: Option<String>,
    display_name: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email.unwrap_or_default(),
            username: row.username.unwrap_or_default(),
            display_name: row.display_name,
            is_admin: row.is_admin == 1,
            created_at: time::rfc3339(row.created_at),
        }
    }
}

/// A broadcast as the database has it.
#[derive(Deserialize)]
pub(crate) struct BroadcastRow {
    id: Uuid,
    owner_id: Option<i64>,
    status: BroadcastStatus,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    title: Option<String>,
    description: Option<String>,
}

impl From<BroadcastRow> for Broadcast {
    fn from(row: BroadcastRow) -> Self {
        Self {
            id: row.id,
            title: row.title.unwrap_or_default(),
            description: row.description.unwrap_or_default(),
            owner_id: row.owner_id,
            status: row.status,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
        }
    }
}

/// A user, in the order of [`ACCOUNT`]'s columns.
pub(crate) fn account_row(account: &Account) -> Vec<Cell> {
    vec![
        account.id.into(),
        account.email_key.as_str().into(),
        account.username_key.as_str().into(),
        i64::from(account.is_admin).into(),
        account.created_at.into(),
    ]
}

/// A broadcast, in the order of [`BROADCAST`]'s columns.
pub(crate) fn broadcast_row(broadcast: &Broadcast) -> Vec<Cell> {
    vec![
        broadcast.id.to_string().into(),
        broadcast.owner_id.into(),
        broadcast.status.as_str().into(),
        broadcast.created_at.into(),
        broadcast.started_at.into(),
        broadcast.ended_at.into(),
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
