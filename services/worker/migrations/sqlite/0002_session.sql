-- Sessions. What a participant is called stands in `person`. Moments are Unix milliseconds, a token's are seconds.
CREATE TABLE session (
    id           TEXT PRIMARY KEY,
    participant  TEXT NOT NULL,
    room         TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('guest', 'viewer', 'cohost', 'host')),
    origin       TEXT NOT NULL CHECK (origin IN ('minted', 'external')),
    single_use   INTEGER NOT NULL CHECK (single_use IN (0, 1)),
    state        TEXT NOT NULL CHECK (state IN ('open', 'consumed', 'revoked', 'expired')),
    ttl          INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- The token issued last: it is not kept, it is signed again. One from outside is kept as it came.
    jti          TEXT,
    nbf          INTEGER,
    exp          INTEGER,
    token        TEXT,
    -- The consumer's key, hashed, and how long it counts.
    resume_hash  TEXT,
    consumed_at  INTEGER,
    resume_until INTEGER,
    -- When the sweep has to look: the end of an open session, and after its end the day it may be forgotten.
    due_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_due ON session (due_at);
