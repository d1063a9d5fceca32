-- The audit worker follows the ledger from its first event.
INSERT INTO reactor (name, position, lease_until) VALUES ('audit', 0, 0);

-- Where in the ledger something is spoken of: kind is participant, room, broadcast, user or stay. Made from the ledger,
-- and can be made again.
CREATE TABLE ledger_index (
    kind text COLLATE "C" NOT NULL,
    key  text COLLATE "C" NOT NULL,
    seq  bigint NOT NULL,
    PRIMARY KEY (kind, key, seq)
);

-- How many events of a type there were in an hour (Unix hours, by the event's time), as a sum over the rows: each tells of
-- some events that were read together, of which `seq` is the first.
CREATE TABLE ledger_count (
    hour  bigint NOT NULL,
    type  text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, type, seq)
);

-- Full tiles of the ledger's tree (C2SP tlog-tiles): 256 hashes in base64, and the root of the subtree that they are,
-- which is a hash of the tile above. A tile that is not full is made from what is below it. Kept for good: what the
-- ledger forgets can still be proved by them.
CREATE TABLE ledger_tile (
    level  bigint NOT NULL,
    n      bigint NOT NULL,
    root   text NOT NULL,
    hashes text NOT NULL,
    PRIMARY KEY (level, n)
);

-- What was signed, for good: the text of each checkpoint (C2SP tlog-checkpoint).
CREATE TABLE checkpoint (
    size      bigint PRIMARY KEY,
    root      text   NOT NULL,
    note      text   NOT NULL,
    signed_at bigint NOT NULL
);

-- One row: up to where the ledger may forget, because it is archived under a checkpoint. It ends with a tile.
CREATE TABLE ledger_cut (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint  NOT NULL CHECK (seq % 256 = 0)
);
INSERT INTO ledger_cut (seq) VALUES (0);

CREATE FUNCTION ledger_cut_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'the ledger is cut in one place: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.seq < OLD.seq OR NEW.seq > coalesce((SELECT max(size) FROM checkpoint), 0) THEN
        RAISE EXCEPTION 'the ledger cannot be cut at %', NEW.seq USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_cut_grows BEFORE INSERT OR UPDATE OR DELETE ON ledger_cut
    FOR EACH ROW EXECUTE FUNCTION ledger_cut_grows();

CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.seq <= (SELECT seq FROM ledger_cut) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION ledger_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    low bigint; high bigint; added bigint;
BEGIN
    SELECT min(seq), max(seq), count(*) INTO low, high, added FROM appended;
    IF added = 0 THEN
        RETURN NULL;
    END IF;
    IF high <> (SELECT max(seq) FROM ledger)
        OR high - low + 1 <> added
        OR low <> 1 + coalesce((SELECT max(seq) FROM ledger WHERE seq < low), (SELECT seq FROM ledger_cut))
    THEN
        RAISE EXCEPTION 'the ledger is append-only: rows % to % do not follow its end', low, high
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- Values about people are forgotten by age, those of users and broadcasts only with them.
CREATE INDEX person_recorded ON person (recorded_at) WHERE subject !~ '^(user|broadcast)_';
-- The stays of somebody whom a session let in.
CREATE INDEX presence_participant ON presence (participant) WHERE participant IS NOT NULL;
-- The sessions that a user registered.
CREATE INDEX session_created_by ON session (created_by) WHERE created_by IS NOT NULL;
-- What has been erased here and may still stand in the dead letters: JSON, an array of texts. Gone when it is gone there.
CREATE TABLE scrub (
    id          text COLLATE "C" PRIMARY KEY,
    texts       text   NOT NULL,
    recorded_at bigint NOT NULL
);
