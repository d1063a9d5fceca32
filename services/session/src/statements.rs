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
         'identity', i.value, 'fingerprint', s.fingerprint, 'broadcast_id', s.broadcast_id,
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

/// How many of a user's sessions are erased by one command: each is some rows and events, and all are one transaction.
pub(crate) const ERASED_AT_ONCE: usize = 200;

/// As [`BY_ID`], with what is left of those who are to be forgotten: keys `erase ` and a participant, or a user's id. Of a
/// user, 201 of those whom sessions let in that the user registered, and of whom something is left; also where the session
/// is forgotten by now. `{…, traces: {people, stays, accounts, registered}}`, the fields of
/// [`crate::traces::Read`].
pub(crate) const WITH_TRACES: Sql = Sql {
    postgres: concat!(
        "WITH k AS (SELECT substr(v, 7) AS whom FROM unnest($1::text[]) v WHERE v LIKE 'erase %'),
        moment AS (SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint AS now),
        u AS (SELECT id, email_key, username_key FROM account
            WHERE id = ANY(ARRAY(SELECT CASE WHEN whom NOT LIKE 'p\\_%' THEN whom::bigint END FROM k))),
        r AS (SELECT u.id, x.participant FROM u CROSS JOIN LATERAL (
            SELECT s.participant FROM session s, moment WHERE s.created_by = u.id AND (
                s.token IS NOT NULL
                OR EXISTS (SELECT 1 FROM person p WHERE p.subject = s.participant)
                OR EXISTS (SELECT 1 FROM presence p WHERE p.participant = s.participant
                    AND p.identity NOT IN (s.participant, 'unknown:' || p.sid))
                OR s.state <> 'revoked' AND (s.exp * 1000 > moment.now
                    OR s.state = 'open' AND s.expires_at > moment.now
                    OR s.state = 'consumed' AND s.resume_until > moment.now))
            UNION SELECT p.subject FROM person p WHERE p.registered_by = u.id
            LIMIT 201) x),
        p AS (SELECT whom AS participant FROM k WHERE whom LIKE 'p\\_%' UNION SELECT participant FROM r),
        st AS (SELECT x.sid, p.participant AS of, x.identity FROM p JOIN presence x ON x.participant = p.participant
                WHERE x.identity NOT IN (p.participant, 'unknown:' || x.sid)
            UNION SELECT x.sid, p.participant, x.identity FROM p JOIN session s ON s.participant = p.participant
                JOIN person i ON i.subject = p.participant AND i.field = 'identity'
                JOIN presence x ON x.room = s.room AND x.identity = i.value)
        SELECT json_build_object('sessions', (SELECT json_agg(r) FROM (SELECT ",
        session!(postgres),
        " FROM session s",
        beside!(),
        "WHERE s.id IN (SELECT id FROM session WHERE id = ANY($1)
            UNION SELECT o.id FROM p JOIN session o ON o.participant = p.participant)) r), 'broadcasts',
         (SELECT json_agg(json_build_array(id, status)) FROM broadcast WHERE id = ANY($1)),
         'traces', json_build_object(
            'people', (SELECT json_agg(json_build_array(subject, value)) FROM person WHERE subject IN (
                SELECT participant FROM p UNION SELECT 'user_' || id FROM u UNION SELECT sid FROM st)),
            'stays', (SELECT json_agg(st) FROM st),
            'accounts', (SELECT json_agg(json_build_array(id, email_key, username_key)) FROM u),
            'registered', (SELECT json_agg(json_build_array(id, participant)) FROM r)))"
    ),
    sqlite: concat!(
        "WITH k AS (SELECT substr(value, 7) AS whom FROM json_each(?1) WHERE value GLOB 'erase *'),
        moment AS (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now),
        u AS (SELECT id, email_key, username_key FROM account
            WHERE id IN (SELECT CAST(whom AS INTEGER) FROM k WHERE whom NOT GLOB 'p_*')),
        left_by AS (SELECT u.id, s.participant FROM u JOIN session s ON s.created_by = u.id, moment WHERE
                s.token IS NOT NULL
                OR EXISTS (SELECT 1 FROM person p WHERE p.subject = s.participant)
                OR EXISTS (SELECT 1 FROM presence p WHERE p.participant = s.participant
                    AND p.identity NOT IN (s.participant, 'unknown:' || p.sid))
                OR s.state <> 'revoked' AND (s.exp * 1000 > moment.now
                    OR s.state = 'open' AND s.expires_at > moment.now
                    OR s.state = 'consumed' AND s.resume_until > moment.now)
            UNION SELECT u.id, p.subject FROM u JOIN person p ON p.registered_by = u.id),
        r AS (SELECT id, participant FROM (
            SELECT id, participant, row_number() OVER (PARTITION BY id) AS place FROM left_by) WHERE place <= 201),
        p AS (SELECT whom AS participant FROM k WHERE whom GLOB 'p_*' UNION SELECT participant FROM r),
        st AS (SELECT x.sid, p.participant AS of, x.identity FROM p JOIN presence x ON x.participant = p.participant
                WHERE x.identity NOT IN (p.participant, 'unknown:' || x.sid)
            UNION SELECT x.sid, p.participant, x.identity FROM p JOIN session s ON s.participant = p.participant
                JOIN person i ON i.subject = p.participant AND i.field = 'identity'
                JOIN presence x ON x.room = s.room AND x.identity = i.value)
        SELECT json_object('sessions', json((SELECT json_group_array(",
        session!(sqlite),
        ")) FROM session s",
        beside!(),
        "WHERE s.id IN (SELECT value FROM json_each(?1)
            UNION SELECT o.id FROM p JOIN session o ON o.participant = p.participant))), 'broadcasts',
         json((SELECT json_group_array(json_array(id, status)) FROM broadcast
             WHERE id IN (SELECT value FROM json_each(?1)))),
         'traces', json_object(
            'people', json((SELECT json_group_array(json_array(subject, value)) FROM person WHERE subject IN (
                SELECT participant FROM p UNION SELECT 'user_' || id FROM u UNION SELECT sid FROM st))),
            'stays', json((SELECT json_group_array(json_object('sid', sid, 'of', of, 'identity', identity)) FROM st)),
            'accounts', json((SELECT json_group_array(json_array(id, email_key, username_key)) FROM u)),
            'registered', json((SELECT json_group_array(json_array(id, participant)) FROM r))))"
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
/// text, the room or an empty text, and a pattern of each database for what they are called. At most [`LOOKED_THROUGH`] rows are looked through for one page, so that a page
/// costs the same however rare what it asks for is; the last of them is given in any case, to go on from.
macro_rules! newest {
    (postgres, $narrow:literal, $called:literal) => {
        concat!(
            "SELECT json_agg(r) FROM (SELECT ",
            session!(postgres),
            " FROM (SELECT * FROM (SELECT w.*, row_number() OVER () AS place FROM (
                 SELECT * FROM session
                 WHERE (created_at, participant) < (($1::text[])[1]::bigint, ($1::text[])[2])",
            $narrow,
            "    ORDER BY created_at DESC, participant DESC LIMIT 10000) w) v
               WHERE v.place = 10000 OR (($1::text[])[4] = '' OR ($1::text[])[4] = CASE WHEN v.state = 'open'
                   AND v.expires_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint
                   THEN 'expired' ELSE v.state END)",
            $called,
            "
               ORDER BY v.place LIMIT ($1::text[])[3]::int) s",
            beside!(),
            "ORDER BY s.place) r"
        )
    };
    (sqlite, $narrow:literal, $called:literal) => {
        concat!(
            "SELECT json_group_array(json(r)) FROM (SELECT ",
            session!(sqlite),
            ", 'place', s.place) AS r FROM (SELECT * FROM (SELECT w.*, row_number() OVER () AS place FROM (
                 SELECT * FROM session
                 WHERE (created_at, participant) < (CAST(?1 ->> 0 AS INTEGER), ?1 ->> 1)",
            $narrow,
            "    ORDER BY created_at DESC, participant DESC LIMIT 10000) w) v
               WHERE v.place = 10000 OR (?1 ->> 3 = '' OR ?1 ->> 3 = CASE WHEN v.state = 'open'
                   AND v.expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) THEN 'expired' ELSE v.state END)",
            $called,
            "
               ORDER BY v.place LIMIT CAST(?1 ->> 2 AS INTEGER)) s",
            beside!(),
            "ORDER BY s.place)"
        )
    };
}

/// How many rows are looked through for one page: some 20 ms; twice that where names are looked at.
pub(crate) const LOOKED_THROUGH: u32 = 10_000;

/// Of all rooms.
pub(crate) const NEWEST: Sql = Sql { postgres: newest!(postgres, "", ""), sqlite: newest!(sqlite, "", "") };
/// Of one room.
pub(crate) const IN_ROOM: Sql = Sql {
    postgres: newest!(postgres, " AND room = ($1::text[])[5] ", ""),
    sqlite: newest!(sqlite, " AND room = ?1 ->> 4 ", ""),
};

/// Whether somebody's name is so. It is looked up, row by row, and not joined: few rows are looked through.
macro_rules! called {
    (postgres, $narrow:literal) => {
        newest!(
            postgres,
            $narrow,
            " AND (SELECT p.value FROM person p WHERE p.subject = v.participant AND p.field = 'name') ~ ($1::text[])[6]"
        )
    };
    (sqlite, $narrow:literal) => {
        newest!(
            sqlite,
            $narrow,
            " AND (SELECT p.value FROM person p WHERE p.subject = v.participant AND p.field = 'name') GLOB (?1 ->> 6)"
        )
    };
}

/// Of all rooms, by what they are called.
pub(crate) const CALLED: Sql = Sql { postgres: called!(postgres, ""), sqlite: called!(sqlite, "") };
/// Of one room, by what they are called.
pub(crate) const CALLED_IN_ROOM: Sql = Sql {
    postgres: called!(postgres, " AND room = ($1::text[])[5] "),
    sqlite: called!(sqlite, " AND room = ?1 ->> 4 "),
};

/// What the sweep has to end, without what it does not need.
pub(crate) const DUE: Sql = Sql {
    postgres: "SELECT json_agg(r) FROM (SELECT * FROM session
        WHERE due_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint AND state = 'open'
            AND $1::text[] IS NOT NULL ORDER BY due_at LIMIT 500) r",
    sqlite: "SELECT json_group_array(json_object('id', s.id, 'room', s.room, 'role', s.role, 'origin', s.origin,
            'single_use', s.single_use, 'state', s.state, 'ttl', s.ttl, 'created_at', s.created_at,
            'expires_at', s.expires_at, 'jti', s.jti, 'nbf', s.nbf, 'exp', s.exp, 'token', s.token,
            'fingerprint', s.fingerprint, 'broadcast_id', s.broadcast_id, 'created_by', s.created_by))
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
