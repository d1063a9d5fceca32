//! The statements that read and forget state. Each looks up by an index.

use avanzacast_worker::store::Sql;

/// A row as an array, in the order of [`super::rows`].
macro_rules! columns {
    (session) => {
        "id, participant, room, role, origin, single_use, state, ttl, created_at, expires_at, jti, nbf, exp, token,
         resume_hash, consumed_at, resume_until, due_at, broadcast_id, created_by, fingerprint"
    };
    (broadcast) => {
        "id, owner_id, status, created_at, started_at, ended_at"
    };
    (room) => {
        "sid, name, started_at, finished_at, forget_at"
    };
    (presence) => {
        "sid, room, room_sid, identity, participant, identity_hash, known, joined_at, left_at, report_at, forget_at"
    };
}

/// Rows of a table by the keys that begin with a mark.
macro_rules! rows {
    (postgres $table:ident $key:literal $mark:literal) => {
        concat!(
            "(SELECT json_agg(json_build_array(",
            columns!($table),
            ")) FROM ",
            stringify!($table),
            " WHERE ",
            $key,
            " = ANY(ARRAY(SELECT substr(k, 3) FROM unnest($1::text[]) k WHERE k LIKE '",
            $mark,
            ":%')))"
        )
    };
    (sqlite $table:ident $key:literal $mark:literal) => {
        concat!(
            "(SELECT json_group_array(json_array(",
            columns!($table),
            ")) FROM ",
            stringify!($table),
            " WHERE ",
            $key,
            " IN (SELECT substr(value, 3) FROM json_each(?1) WHERE value GLOB '",
            $mark,
            ":*'))"
        )
    };
}

/// Sessions by `s:<participant>`, broadcasts by `b:<id>`, rooms by `r:<sid>`, stays by `p:<sid>`: [`super::batch::Read`].
pub(super) const BY_KEY: Sql = Sql {
    postgres: concat!(
        "SELECT json_build_object('sessions', ",
        rows!(postgres session "participant" "s"),
        ", 'broadcasts', ",
        rows!(postgres broadcast "id" "b"),
        ", 'rooms', ",
        rows!(postgres room "sid" "r"),
        ", 'stays', ",
        rows!(postgres presence "sid" "p"),
        ")"
    ),
    sqlite: concat!(
        "SELECT json_object('sessions', ",
        rows!(sqlite session "participant" "s"),
        ", 'broadcasts', ",
        rows!(sqlite broadcast "id" "b"),
        ", 'rooms', ",
        rows!(sqlite room "sid" "r"),
        ", 'stays', ",
        rows!(sqlite presence "sid" "p"),
        ")"
    ),
};

/// What the first key's participant was called, and the token that says it.
pub(super) const FORGET_PARTICIPANT: &[Sql] = &[
    Sql {
        postgres: "DELETE FROM person WHERE subject = ($1::text[])[1]",
        sqlite: "DELETE FROM person WHERE subject = ?1 ->> 0",
    },
    Sql {
        postgres: "UPDATE session SET token = NULL WHERE participant = ($1::text[])[1] AND token IS NOT NULL",
        sqlite: "UPDATE session SET token = NULL WHERE participant = ?1 ->> 0 AND token IS NOT NULL",
    },
    Sql {
        postgres: "UPDATE presence SET identity = 'unknown:' || sid
            WHERE participant = ($1::text[])[1] AND identity_hash IS NOT NULL",
        sqlite: "UPDATE presence SET identity = 'unknown:' || sid
            WHERE participant = ?1 ->> 0 AND identity_hash IS NOT NULL",
    },
];

/// What the first key's user was called.
pub(super) const FORGET_USER: &[Sql] = &[
    Sql {
        postgres: "DELETE FROM person WHERE subject = 'user_' || ($1::text[])[1]",
        sqlite: "DELETE FROM person WHERE subject = 'user_' || (?1 ->> 0)",
    },
    Sql {
        postgres: "UPDATE account SET email_key = NULL, username_key = NULL WHERE id = ($1::text[])[1]::bigint",
        sqlite: "UPDATE account SET email_key = NULL, username_key = NULL WHERE id = CAST(?1 ->> 0 AS INTEGER)",
    },
];

/// Who the first key's stay was.
pub(super) const FORGET_STAY: &[Sql] = &[
    Sql {
        postgres: "DELETE FROM person WHERE subject = ($1::text[])[1]",
        sqlite: "DELETE FROM person WHERE subject = ?1 ->> 0",
    },
    Sql {
        postgres: "UPDATE presence SET identity = 'unknown:' || sid WHERE sid = ($1::text[])[1]",
        sqlite: "UPDATE presence SET identity = 'unknown:' || sid WHERE sid = ?1 ->> 0",
    },
];

/// Everybody's values that were recorded before the first key's moment; those of users and broadcasts go only with them.
pub(super) const FORGET_BEFORE: &[Sql] = &[Sql {
    postgres: "DELETE FROM person WHERE recorded_at < ($1::text[])[1]::bigint AND subject !~ '^(user|broadcast)_'",
    sqlite: r"DELETE FROM person WHERE recorded_at < CAST(?1 ->> 0 AS INTEGER)
        AND subject NOT LIKE 'user\_%' ESCAPE '\' AND subject NOT LIKE 'broadcast\_%' ESCAPE '\'",
}];
