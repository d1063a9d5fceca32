//! The statements that read rooms and stays. Each looks up by an index: the database may not scan. A key is a JSON
//! object, whose fields name what is wanted.

use avanzacast_worker::store::Sql;

/// What is known about the stays, rooms and identities in `asked` (`sid`, `room`, `identity`) and `lives` (`sid` of
/// rooms): the fields of [`crate::state::Read`].
macro_rules! known {
    (postgres) => {
        "named AS (
            SELECT room, identity, identity AS participant, 'minted' AS origin FROM asked
            UNION SELECT a.room, a.identity, p.subject, 'external' FROM asked a
                JOIN person p ON p.field = 'identity' AND p.value = a.identity)
        SELECT json_build_object(
            'rooms', (SELECT json_agg(r) FROM (SELECT * FROM room WHERE sid IN (SELECT sid FROM lives)) r),
            'stays', (SELECT json_agg(p) FROM (SELECT * FROM presence WHERE sid IN (SELECT sid FROM asked)) p),
            'tokens', (SELECT json_agg(json_build_object('room', n.room, 'identity', n.identity,
                    'participant', s.participant, 'salt', i.salt, 'value', i.value) ORDER BY s.created_at)
                FROM named n JOIN session s ON s.participant = n.participant AND s.room = n.room AND s.origin = n.origin
                LEFT JOIN person i ON i.subject = s.participant AND i.field = 'identity'),
            'hidden', (SELECT json_agg(json_build_array(p.subject, p.salt, p.value)) FROM person p
                WHERE p.subject IN (SELECT sid FROM asked) AND p.field = 'identity'),
            'issued', (SELECT json_agg(i.key) FROM issued i
                WHERE i.key IN (SELECT room || E'\\n' || identity FROM asked)),
            'recent', (SELECT json_agg(json_build_object('room', p.room, 'identity', p.identity,
                    'participant', p.participant, 'identity_hash', p.identity_hash))
                FROM asked a JOIN presence p ON p.room = a.room AND p.identity = a.identity
                WHERE p.known = 1 AND p.sid <> a.sid AND (p.left_at IS NULL
                    OR p.left_at > (extract(epoch FROM statement_timestamp()) * 1000)::bigint - 660000)),
            'known_at', (SELECT known_at FROM presence_watch WHERE one = 1))"
    };
    (sqlite) => {
        "named AS (
            SELECT room, identity, identity AS participant, 'minted' AS origin FROM asked
            UNION SELECT a.room, a.identity, p.subject, 'external' FROM asked a
                JOIN person p ON p.field = 'identity' AND p.value = a.identity)
        SELECT json_object(
            'rooms', (SELECT json_group_array(json_object('sid', sid, 'name', name, 'started_at', started_at,
                    'finished_at', finished_at, 'forget_at', forget_at)) FROM room WHERE sid IN (SELECT sid FROM lives)),
            'stays', (SELECT json_group_array(json_object('sid', sid, 'room', room, 'room_sid', room_sid,
                    'identity', identity, 'participant', participant, 'identity_hash', identity_hash, 'known', known,
                    'joined_at', joined_at, 'left_at', left_at, 'report_at', report_at,
                    'forget_at', forget_at))
                FROM presence WHERE sid IN (SELECT sid FROM asked)),
            'tokens', (SELECT json_group_array(json_object('room', t.room, 'identity', t.identity,
                    'participant', t.participant, 'salt', t.salt, 'value', t.value))
                FROM (SELECT n.room, n.identity, s.participant, i.salt, i.value FROM named n
                    JOIN session s ON s.participant = n.participant AND s.room = n.room AND s.origin = n.origin
                    LEFT JOIN person i ON i.subject = s.participant AND i.field = 'identity'
                    ORDER BY s.created_at) t),
            'hidden', (SELECT json_group_array(json_array(p.subject, p.salt, p.value)) FROM person p
                WHERE p.subject IN (SELECT sid FROM asked) AND p.field = 'identity'),
            'issued', (SELECT json_group_array(i.key) FROM issued i
                WHERE i.key IN (SELECT room || char(10) || identity FROM asked)),
            'recent', (SELECT json_group_array(json_object('room', p.room, 'identity', p.identity,
                    'participant', p.participant, 'identity_hash', p.identity_hash))
                FROM asked a JOIN presence p ON p.room = a.room AND p.identity = a.identity
                WHERE p.known = 1 AND p.sid <> a.sid AND (p.left_at IS NULL
                    OR p.left_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) - 660000)),
            'known_at', (SELECT known_at FROM presence_watch WHERE one = 1))"
    };
}

/// What facts are about: keys with `sid`, `room` and `identity` of stays, and `life`, the sid of a room.
pub(crate) const BY_FACT: Sql = Sql {
    postgres: concat!(
        "WITH k AS (SELECT v::json AS k FROM unnest($1::text[]) v),
        asked AS (SELECT DISTINCT k ->> 'sid' AS sid, k ->> 'room' AS room, k ->> 'identity' AS identity FROM k
            WHERE k ->> 'sid' IS NOT NULL),
        lives AS (SELECT DISTINCT k ->> 'life' AS sid FROM k WHERE k ->> 'life' IS NOT NULL), ",
        known!(postgres)
    ),
    sqlite: concat!(
        "WITH k AS (SELECT value AS k FROM json_each(?1)),
        asked AS (SELECT DISTINCT k ->> 'sid' AS sid, k ->> 'room' AS room, k ->> 'identity' AS identity FROM k
            WHERE k ->> 'sid' IS NOT NULL),
        lives AS (SELECT DISTINCT k ->> 'life' AS sid FROM k WHERE k ->> 'life' IS NOT NULL), ",
        known!(sqlite)
    ),
};

/// Who has to be reported, or has turned out to be known: `[]` when nobody has.
pub(crate) const DUE: Sql = Sql {
    postgres: concat!(
        "WITH asked AS (SELECT sid, room, identity FROM presence
            WHERE report_at <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint AND $1::text[] IS NOT NULL
            ORDER BY report_at LIMIT 200),
        lives AS (SELECT NULL::text AS sid), ",
        known!(postgres),
        " WHERE EXISTS (SELECT 1 FROM asked)"
    ),
    sqlite: concat!(
        "WITH asked AS (SELECT sid, room, identity FROM presence
            WHERE report_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) AND ?1 IS NOT NULL
            ORDER BY report_at LIMIT 200),
        lives AS (SELECT NULL AS sid), ",
        known!(sqlite),
        " WHERE EXISTS (SELECT 1 FROM asked)"
    ),
};

/// All that is open: `{rooms: [room], stays: [stay]}`, to be compared with what LiveKit says.
pub(crate) const OPEN: Sql = Sql {
    postgres: "SELECT json_build_object(
        'rooms', (SELECT json_agg(r) FROM (SELECT * FROM room WHERE finished_at IS NULL ORDER BY name) r),
        'stays', (SELECT json_agg(p) FROM (SELECT * FROM presence WHERE left_at IS NULL ORDER BY sid) p))
        WHERE $1::text[] IS NOT NULL",
    sqlite: "SELECT json_object(
        'rooms', (SELECT json_group_array(json_object('sid', sid, 'name', name, 'started_at', started_at,
                'finished_at', finished_at, 'forget_at', forget_at)) FROM room WHERE finished_at IS NULL),
        'stays', (SELECT json_group_array(json_object('sid', sid, 'room', room, 'room_sid', room_sid,
                'identity', identity, 'participant', participant, 'identity_hash', identity_hash, 'known', known,
                'joined_at', joined_at, 'left_at', left_at, 'report_at', report_at,
                    'forget_at', forget_at))
            FROM presence WHERE left_at IS NULL))
        WHERE ?1 IS NOT NULL",
};

/// Stays and rooms are forgotten when they may be; who is barred, and identities with a token and no session, a week after
/// that is over.
pub(crate) const PRUNE: &[Sql] = &[
    Sql {
        postgres: "DELETE FROM presence WHERE sid IN (SELECT sid FROM presence WHERE forget_at < $1
            ORDER BY forget_at LIMIT 1000)",
        sqlite: "DELETE FROM presence WHERE sid IN (SELECT sid FROM presence WHERE forget_at < ?1
            ORDER BY forget_at LIMIT 1000)",
    },
    Sql {
        postgres: "DELETE FROM room WHERE sid IN (SELECT sid FROM room WHERE forget_at < $1
            ORDER BY forget_at LIMIT 1000)",
        sqlite: "DELETE FROM room WHERE sid IN (SELECT sid FROM room WHERE forget_at < ?1
            ORDER BY forget_at LIMIT 1000)",
    },
    Sql {
        postgres: "DELETE FROM barred WHERE key IN (SELECT key FROM barred WHERE until < $1 - 604800000
            ORDER BY until LIMIT 1000)",
        sqlite: "DELETE FROM barred WHERE key IN (SELECT key FROM barred WHERE until < ?1 - 604800000
            ORDER BY until LIMIT 1000)",
    },
    Sql {
        postgres: "DELETE FROM issued WHERE key IN (SELECT key FROM issued WHERE until < $1 - 604800000
            ORDER BY until LIMIT 1000)",
        sqlite: "DELETE FROM issued WHERE key IN (SELECT key FROM issued WHERE until < ?1 - 604800000
            ORDER BY until LIMIT 1000)",
    },
];

/// What events ask for: the fields of [`crate::reactions::Read`]. Keys: `room`; who, by `sid` of a stay or by `subject` of
/// the person's values (a participant is its own identity unless a value says otherwise, or what is left of one that was
/// erased: the first of its texts in `scrub`); `broadcast`, an id; `ending`, a
/// room of which every token matters, also each that was issued without a session.
pub(crate) const BY_EVENT: Sql = Sql {
    postgres: "WITH k AS (SELECT v::json AS k FROM unnest($1::text[]) v),
        who AS (SELECT DISTINCT k ->> 'sid' AS sid, k ->> 'subject' AS subject, k ->> 'room' AS room,
                coalesce(p.identity, i.value, e.identity, k ->> 'subject') AS identity,
                CASE WHEN i.value IS NULL AND e.identity IS NOT NULL THEN 1 ELSE 0 END AS erased
            FROM k LEFT JOIN presence p ON p.sid = k ->> 'sid'
                LEFT JOIN person i ON i.subject = k ->> 'subject' AND i.field = 'identity'
                LEFT JOIN LATERAL (SELECT x.texts::json ->> 0 AS identity FROM scrub x
                    WHERE x.id > (k ->> 'subject') || '.' AND x.id < (k ->> 'subject') || '/'
                        AND x.texts::json ->> 0 <> k ->> 'subject' LIMIT 1) e ON true
            WHERE k ->> 'room' IS NOT NULL),
        named AS (SELECT room, identity, identity AS participant FROM who
            UNION SELECT room, identity, subject FROM who WHERE subject IS NOT NULL
            UNION SELECT w.room, w.identity, x.subject FROM who w
                JOIN person x ON x.field = 'identity' AND x.value = w.identity)
        SELECT json_build_object(
            'who', (SELECT json_agg(w) FROM who w),
            'barred', (SELECT json_agg(json_build_array(b.key, b.until)) FROM barred b WHERE b.key IN (
                SELECT room || E'\\n' || identity FROM who WHERE identity IS NOT NULL
                UNION SELECT room || E'\\n' FROM who UNION SELECT (k ->> 'ending') || E'\\n' FROM k
                UNION SELECT v.key FROM who w JOIN barred v
                    ON v.key > w.room || E'\\n#' AND v.key < w.room || E'\\n$')),
            'issued', (SELECT json_agg(json_build_array(i.key, i.until)) FROM issued i WHERE i.key IN (
                SELECT room || E'\\n' || identity FROM who WHERE identity IS NOT NULL)),
            'tokens', (SELECT json_agg(t) FROM (
                SELECT n.room || E'\\n' || n.identity AS key, max(s.exp) AS exp FROM named n
                    JOIN session s ON s.participant = n.participant AND s.room = n.room GROUP BY 1
                UNION ALL SELECT s.room || E'\\n', max(s.exp) FROM session s
                    WHERE s.room IN (SELECT k ->> 'ending' FROM k) GROUP BY 1
                UNION ALL SELECT e.room || E'\\n', (max(i.until) + 999) / 1000
                    FROM (SELECT DISTINCT k ->> 'ending' AS room FROM k) e
                    JOIN issued i ON i.key > e.room || E'\\n' AND i.key < e.room || E'\\x0b' GROUP BY 1) t),
            'seen', (SELECT json_agg(s) FROM (SELECT w.room || E'\\n' || w.identity AS key, max(p.left_at) AS left_at
                FROM who w JOIN presence p ON p.room = w.room AND p.identity = w.identity GROUP BY 1) s),
            'rooms', (SELECT json_agg(DISTINCT r.name) FROM room r
                WHERE r.name IN (SELECT room FROM who) AND r.finished_at IS NULL),
            'broadcasts', (SELECT json_agg(json_build_array(b.id, b.status)) FROM broadcast b
                WHERE b.id IN (SELECT k ->> 'broadcast' FROM k)))",
    sqlite: "WITH k AS (SELECT value AS k FROM json_each(?1)),
        who AS (SELECT DISTINCT k ->> 'sid' AS sid, k ->> 'subject' AS subject, k ->> 'room' AS room,
                coalesce(p.identity, i.value, e.identity, k ->> 'subject') AS identity,
                CASE WHEN i.value IS NULL AND e.identity IS NOT NULL THEN 1 ELSE 0 END AS erased
            FROM k LEFT JOIN presence p ON p.sid = k ->> 'sid'
                LEFT JOIN person i ON i.subject = k ->> 'subject' AND i.field = 'identity'
                LEFT JOIN (SELECT id, texts ->> 0 AS identity FROM scrub) e ON e.id > (k ->> 'subject') || '.'
                    AND e.id < (k ->> 'subject') || '/' AND e.identity <> k ->> 'subject'
            WHERE k ->> 'room' IS NOT NULL),
        named AS (SELECT room, identity, identity AS participant FROM who
            UNION SELECT room, identity, subject FROM who WHERE subject IS NOT NULL
            UNION SELECT w.room, w.identity, x.subject FROM who w
                JOIN person x ON x.field = 'identity' AND x.value = w.identity)
        SELECT json_object(
            'who', (SELECT json_group_array(json_object('sid', sid, 'subject', subject, 'room', room,
                'identity', identity, 'erased', erased)) FROM who),
            'barred', (SELECT json_group_array(json_array(b.key, b.until)) FROM barred b WHERE b.key IN (
                SELECT room || char(10) || identity FROM who WHERE identity IS NOT NULL
                UNION SELECT room || char(10) FROM who UNION SELECT (k ->> 'ending') || char(10) FROM k
                UNION SELECT v.key FROM who w JOIN barred v
                    ON v.key > w.room || char(10) || '#' AND v.key < w.room || char(10) || '$')),
            'issued', (SELECT json_group_array(json_array(i.key, i.until)) FROM issued i WHERE i.key IN (
                SELECT room || char(10) || identity FROM who WHERE identity IS NOT NULL)),
            'tokens', (SELECT json_group_array(json_object('key', key, 'exp', exp)) FROM (
                SELECT n.room || char(10) || n.identity AS key, max(s.exp) AS exp FROM named n
                    JOIN session s ON s.participant = n.participant AND s.room = n.room GROUP BY 1
                UNION ALL SELECT s.room || char(10), max(s.exp) FROM session s
                    WHERE s.room IN (SELECT k ->> 'ending' FROM k) GROUP BY 1
                UNION ALL SELECT e.room || char(10), (max(i.until) + 999) / 1000
                    FROM (SELECT DISTINCT k ->> 'ending' AS room FROM k) e
                    JOIN issued i ON i.key > e.room || char(10) AND i.key < e.room || char(11) GROUP BY 1) t),
            'seen', (SELECT json_group_array(json_object('key', key, 'left_at', left_at)) FROM (
                SELECT w.room || char(10) || w.identity AS key, max(p.left_at) AS left_at
                FROM who w JOIN presence p ON p.room = w.room AND p.identity = w.identity GROUP BY 1) s),
            'rooms', (SELECT json_group_array(DISTINCT r.name) FROM room r
                WHERE r.name IN (SELECT room FROM who) AND r.finished_at IS NULL),
            'broadcasts', (SELECT json_group_array(json_array(b.id, b.status)) FROM broadcast b
                WHERE b.id IN (SELECT k ->> 'broadcast' FROM k)))",
};
