-- Users (`user` is a reserved word). What they are called stands in `person`, under `user_<id>`; here is only what it is
-- compared by, in lower case, and that can be erased. Rows are never deleted, so the greatest id was the last one given.
CREATE TABLE account (
    id           INTEGER PRIMARY KEY,
    email_key    TEXT UNIQUE,
    username_key TEXT UNIQUE,
    is_admin     INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
    created_at   INTEGER NOT NULL
) STRICT;

-- Broadcasts. Title and description stand in `person`, under `broadcast_<id>`. Ids are UUID v7, in the order of creation.
CREATE TABLE broadcast (
    id         TEXT PRIMARY KEY,
    owner_id   INTEGER REFERENCES account (id),
    status     TEXT NOT NULL CHECK (status IN ('created', 'live', 'ended')),
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;
-- One index for each filter of the list, in the list's order.
CREATE INDEX broadcast_status ON broadcast (status, id);
CREATE INDEX broadcast_owner ON broadcast (owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX broadcast_owner_status ON broadcast (owner_id, status, id) WHERE owner_id IS NOT NULL;
