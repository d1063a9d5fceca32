-- Reactors follow the ledger in order: how far each has come, and which process it is at the moment.
CREATE TABLE reactor (
    name        text COLLATE "C" PRIMARY KEY,
    position    bigint NOT NULL,
    owner       text,
    lease_until bigint NOT NULL
);
-- What happened before there was a reactor is not done over.
INSERT INTO reactor (name, position, lease_until) SELECT 'room', size, 0 FROM ledger_head;

-- Lives of rooms in LiveKit, by LiveKit's id of each. Moments are Unix milliseconds, by LiveKit's clock.
CREATE TABLE room (
    sid         text COLLATE "C" PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    started_at  bigint,
    finished_at bigint,
    -- After its end, by our own clock.
    forget_at   bigint
);
CREATE INDEX room_open ON room (name) WHERE finished_at IS NULL;
CREATE INDEX room_forget ON room (forget_at) WHERE forget_at IS NOT NULL;

-- Stays in rooms, by LiveKit's id of each. The identity is what is erased with the person.
CREATE TABLE presence (
    sid           text COLLATE "C" PRIMARY KEY,
    room          text COLLATE "C" NOT NULL,
    room_sid      text NOT NULL,
    identity      text COLLATE "C" NOT NULL,
    -- Whom a session of ours let in, and the hash that the ledger has of another identity.
    participant   text,
    identity_hash text,
    -- Whether the token was one of ours or registered.
    known         bigint NOT NULL CHECK (known IN (0, 1)),
    joined_at     bigint,
    left_at       bigint,
    -- When somebody unknown is reported, unless the registration has come by then.
    report_at     bigint,
    -- After its end, by our own clock.
    forget_at     bigint
);
CREATE INDEX presence_here ON presence (room, identity);
CREATE INDEX presence_open ON presence (sid) WHERE left_at IS NULL;
CREATE INDEX presence_forget ON presence (forget_at) WHERE forget_at IS NOT NULL;
CREATE INDEX presence_report ON presence (report_at) WHERE report_at IS NOT NULL;

-- One row: when we last knew who was in which room.
CREATE TABLE presence_watch (
    one      bigint PRIMARY KEY CHECK (one = 1),
    known_at bigint
);
INSERT INTO presence_watch (one, known_at) VALUES (1, NULL);

-- Who is put out whenever they come: the key is the room, a line feed, and the identity or nothing for everybody.
CREATE TABLE barred (
    key   text COLLATE "C" PRIMARY KEY,
    until bigint NOT NULL
);
CREATE INDEX barred_until ON barred (until);

-- Identities that got a token without a session, with the same key.
CREATE TABLE issued (
    key   text COLLATE "C" PRIMARY KEY,
    until bigint NOT NULL
);
CREATE INDEX issued_until ON issued (until);

-- Who a foreign identity belongs to.
CREATE INDEX person_identity ON person (value) WHERE field = 'identity';
