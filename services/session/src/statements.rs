//! The statements that read sessions. Each looks up by an index: the database may not scan.

use avanzacast_worker::store::Sql;

/// What is selected of a session `s`: the fields of [`crate::store::Row`].
macro_rules! session {
    (postgres) => {
        "s.*, n.salt AS name_salt, n.value AS name, i.salt AS identity_salt, i.value AS identity,
         CASE WHEN b.status = 'ended' THEN 1 ELSE 0 END AS broadcast_over"
    };
    (sqlite) => {
        "json_object('id', s.id, 'room', s.room, 'role', s.role, 'origin', s.origin, 'single_use', s.single_use,
         'state', s.state, 'ttl', s.ttl, 'created_at', s.created_at, 'expires_at', s.expires_at, 'jti', s.jti,
         'nbf', s.nbf, 'exp', s.exp, 'token', s.token, 'resume_hash', s.resume_hash, 'consumed_at', s.consumed_at,
         'resume_until', s.resume_until, 'name_salt', n.salt, 'name', n.value, 'identity_salt', i.salt,
         'identity', i.value, 'broadcast_id', s.broadcast_id,
         'broadcast_over', CASE WHEN b.status = 'ended' THEN 1 ELSE 0 END, 'created_by', s.created_by"
    };
}

/// What is read beside a session: the person's values, and whether its broadcast is over.
macro_rules! beside {
    () => {
        " LEFT JOIN person n ON n.subject = s.participant AND n.field = 'name'
          LEFT JOIN person i ON i.subject = s.participant AND i.field = 'identity'
          LEFT JOIN broadcast b ON b.id = s.broadcast_id "
    };
}

/// Sessions by id, and broadcasts by id: `{sessions, broadcasts: [[id, status]]}`.
pub(crate) const BY_ID: Sql = Sql {
    postgres: concat!(
        "SELECT json_build_object('sessions', (SELECT json_agg(r) FROM (SELECT ",
        session!(postgres),
        " FROM session s",
        beside!(),
        "WHERE s.id = ANY($1)) r), 'broadcasts',
         (SELECT json_agg(json_build_array(id, status)) FROM broadcast WHERE id = ANY($1)))"
    ),
    sqlite: concat!(
        "SELECT json_object('sessions', json((SELECT json_group_array(",
        session!(sqlite),
        ")) FROM session s",
        beside!(),
        "WHERE s.id IN (SELECT value FROM json_each(?1)))), 'broadcasts',
         json((SELECT json_group_array(json_array(id, status)) FROM broadcast
             WHERE id IN (SELECT value FROM json_each(?1)))))"
    ),
};

/// Sessions by the participant, or by the fingerprint of a token from outside: the two keys.
pub(crate) const BY_TOKEN: Sql = Sql {
    postgres: concat!(
        "SELECT json_agg(r) FROM (SELECT ",
        session!(postgres),
        " FROM session s",
        beside!(),
        "WHERE s.id IN (SELECT id FROM session WHERE participant = ($1::text[])[1]
             UNION SELECT id FROM session WHERE fingerprint = ($1::text[])[2])) r"
    ),
    sqlite: concat!(
        "SELECT json_group_array(",
        session!(sqlite),
        ")) FROM session s",
        beside!(),
        "WHERE s.id IN (SELECT id FROM session WHERE participant = ?1 ->> 0
             UNION SELECT id FROM session WHERE fingerprint = ?1 ->> 1)"
    ),
};

/// `{session, decision}`: the session that the first key names, if the second is the fingerprint of the token registered
/// for it, and the inbox's decision about the command that is the third; each null where there is none.
pub(crate) const REGISTRATION: Sql = Sql {
    postgres: concat!(
        "SELECT json_build_object('session', (SELECT to_json(r) FROM (SELECT ",
        session!(postgres),
        " FROM session s",
        beside!(),
        "WHERE s.id = ($1::text[])[1] AND s.fingerprint = ($1::text[])[2]) r),
         'decision', (SELECT decision FROM inbox WHERE id = ($1::text[])[3]))"
    ),
    sqlite: concat!(
        "SELECT json_object('session', json((SELECT ",
        session!(sqlite),
        ") FROM session s",
        beside!(),
        "WHERE s.id = ?1 ->> 0 AND s.fingerprint = ?1 ->> 1)),
         'decision', (SELECT decision FROM inbox WHERE id = ?1 ->> 2))"
    ),
};

/// Sessions, newest first, after a place. The keys: the place (moment and participant), how many, the state or an empty
/// text, the room for [`IN_ROOM`]. At most [`LOOKED_THROUGH`] rows are looked through for one page, so that a page
/// costs the same however rare what it asks for is; the last of them is given in any case, to go on from.
macro_rules! newest {
    (postgres, $narrow:literal) => {
        concat!(
            "SELECT json_agg(r) FROM (SELECT ",
            session!(postgres),
            " FROM (SELECT * FROM (SELECT w.*, row_number() OVER () AS place FROM (
                 SELECT * FROM session
                 WHERE (created_at, participant) < (($1::text[])[1]::bigint, ($1::text[])[2])",
            $narrow,
            "    ORDER BY created_at DESC, participant DESC LIMIT 10000) w) v
               WHERE v.place = 10000 OR ($1::text[])[4] = '' OR ($1::text[])[4] = CASE WHEN v.state = 'open'
                   AND v.expires_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint
                   THEN 'expired' ELSE v.state END
               ORDER BY v.place LIMIT ($1::text[])[3]::int) s",
            beside!(),
            "ORDER BY s.place) r"
        )
    };
    (sqlite, $narrow:literal) => {
        concat!(
            "SELECT json_group_array(json(r)) FROM (SELECT ",
            session!(sqlite),
            ", 'place', s.place) AS r FROM (SELECT * FROM (SELECT w.*, row_number() OVER () AS place FROM (
                 SELECT * FROM session
                 WHERE (created_at, participant) < (CAST(?1 ->> 0 AS INTEGER), ?1 ->> 1)",
            $narrow,
            "    ORDER BY created_at DESC, participant DESC LIMIT 10000) w) v
               WHERE v.place = 10000 OR ?1 ->> 3 = '' OR ?1 ->> 3 = CASE WHEN v.state = 'open'
                   AND v.expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) THEN 'expired' ELSE v.state END
               ORDER BY v.place LIMIT CAST(?1 ->> 2 AS INTEGER)) s",
            beside!(),
            "ORDER BY s.place)"
        )
    };
}

/// How many rows are looked through for one page: some 20 ms.
pub(crate) const LOOKED_THROUGH: u32 = 10_000;

/// Of all rooms.
pub(crate) const NEWEST: Sql = Sql { postgres: newest!(postgres, ""), sqlite: newest!(sqlite, "") };
/// Of one room.
pub(crate) const IN_ROOM: Sql = Sql {
    postgres: newest!(postgres, " AND room = ($1::text[])[5] "),
    sqlite: newest!(sqlite, " AND room = ?1 ->> 4 "),
};

/// What the sweep has to end, without what it does not need.
pub(crate) const DUE: Sql = Sql {
    postgres: "SELECT json_agg(r) FROM (SELECT * FROM session
        WHERE due_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint AND state = 'open'
            AND $1::text[] IS NOT NULL ORDER BY due_at LIMIT 500) r",
    sqlite: "SELECT json_group_array(json_object('id', s.id, 'room', s.room, 'role', s.role, 'origin', s.origin,
            'single_use', s.single_use, 'state', s.state, 'ttl', s.ttl, 'created_at', s.created_at,
            'expires_at', s.expires_at, 'jti', s.jti, 'nbf', s.nbf, 'exp', s.exp, 'token', s.token,
            'broadcast_id', s.broadcast_id, 'created_by', s.created_by))
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
