-- Sessions. What a participant is called stands in `person`. Moments are Unix milliseconds, a token's are seconds.
CREATE TABLE session (
    id           text COLLATE "C" PRIMARY KEY,
    participant  text NOT NULL,
    room         text NOT NULL,
    role         text NOT NULL CHECK (role IN ('guest', 'viewer', 'cohost', 'host')),
    origin       text NOT NULL CHECK (origin IN ('minted', 'external')),
    single_use   bigint NOT NULL CHECK (single_use IN (0, 1)),
    state        text NOT NULL CHECK (state IN ('open', 'consumed', 'revoked', 'expired')),
    ttl          bigint NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    -- The token issued last: it is not kept, it is signed again. One from outside is kept as it came.
    jti          text,
    nbf          bigint,
    exp          bigint,
    token        text,
    -- The consumer's key, hashed, and how long it counts.
    resume_hash  text,
    consumed_at  bigint,
    resume_until bigint,
    -- When the sweep has to look: the end of an open session, and after its end the day it may be forgotten.
    due_at       bigint NOT NULL
);
CREATE INDEX session_due ON session (due_at);
