-- The audit worker follows the ledger from its first event.
INSERT INTO reactor (name, position, lease_until) VALUES ('audit', 0, 0);

-- Where in the ledger something is spoken of: kind is participant, room, broadcast, user or stay. Made from the ledger,
-- and can be made again.
CREATE TABLE ledger_index (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (kind, key, seq)
) STRICT, WITHOUT ROWID;

-- How many events of a type there were in an hour (Unix hours, by the event's time), as a sum over the rows: each tells of
-- some events that were read together, of which `seq` is the first.
CREATE TABLE ledger_count (
    hour  INTEGER NOT NULL,
    type  TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, type, seq)
) STRICT, WITHOUT ROWID;

-- Full tiles of the ledger's tree (C2SP tlog-tiles): 256 hashes in base64, and the root of the subtree that they are,
-- which is a hash of the tile above. A tile that is not full is made from what is below it. Kept for good: what the
-- ledger forgets can still be proved by them.
CREATE TABLE ledger_tile (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    root   TEXT NOT NULL,
    hashes TEXT NOT NULL,
    PRIMARY KEY (level, n)
) STRICT;

-- What was signed, for good: the text of each checkpoint (C2SP tlog-checkpoint).
CREATE TABLE checkpoint (
    size      INTEGER PRIMARY KEY,
    root      TEXT    NOT NULL,
    note      TEXT    NOT NULL,
    signed_at INTEGER NOT NULL
) STRICT;

-- One row: up to where the ledger may forget, because it is archived under a checkpoint. It ends with a tile.
CREATE TABLE ledger_cut (
    one INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    seq INTEGER NOT NULL CHECK (seq % 256 = 0)
) STRICT;
INSERT INTO ledger_cut (seq) VALUES (0);

CREATE TRIGGER ledger_cut_stays BEFORE DELETE ON ledger_cut
    BEGIN SELECT raise(ABORT, 'the ledger is cut in one place: DELETE refused'); END;
CREATE TRIGGER ledger_cut_is_one BEFORE INSERT ON ledger_cut
    BEGIN SELECT raise(ABORT, 'the ledger is cut in one place: INSERT refused'); END;
CREATE TRIGGER ledger_cut_grows BEFORE UPDATE ON ledger_cut
    WHEN NEW.seq < OLD.seq OR NEW.seq > coalesce((SELECT max(size) FROM checkpoint), 0)
    BEGIN SELECT raise(ABORT, 'the ledger cannot be cut there'); END;

DROP TRIGGER ledger_no_delete;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    WHEN OLD.seq > (SELECT seq FROM ledger_cut)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: DELETE refused'); END;
DROP TRIGGER ledger_only_append;
-- INSERT OR REPLACE passes the triggers above, but not this one.
CREATE TRIGGER ledger_only_append BEFORE INSERT ON ledger
    WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM ledger), (SELECT seq FROM ledger_cut))
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: the row does not follow its end'); END;

-- Values about people are forgotten by age, those of users and broadcasts only with them.
CREATE INDEX person_recorded ON person (recorded_at)
    WHERE subject NOT LIKE 'user\_%' ESCAPE '\' AND subject NOT LIKE 'broadcast\_%' ESCAPE '\';
-- The stays of somebody whom a session let in.
CREATE INDEX presence_participant ON presence (participant) WHERE participant IS NOT NULL;
-- The sessions that a user registered.
CREATE INDEX session_created_by ON session (created_by) WHERE created_by IS NOT NULL;
-- What has been erased here and may still stand in the dead letters: JSON, an array of texts. Gone when it is gone there.
CREATE TABLE scrub (
    id          TEXT PRIMARY KEY,
    texts       TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
