-- The ledger: what happened, in order, for good. One event is one line of JSON; the text is the record.
CREATE TABLE ledger (
    seq  bigint PRIMARY KEY,
    body text NOT NULL
);

-- One row: how far the ledger goes, and the roots of its complete subtrees (RFC 6962), largest first, 32 bytes each.
CREATE TABLE ledger_head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    ledger_id text   NOT NULL,
    size      bigint NOT NULL,
    frontier  bytea  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ledger_head (ledger_id, size, frontier) VALUES (gen_random_uuid()::text, 0, '');

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- New rows follow the last one, without a gap. One look per statement, not per row.
CREATE FUNCTION ledger_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    low bigint; high bigint; added bigint;
BEGIN
    SELECT min(seq), max(seq), count(*) INTO low, high, added FROM appended;
    IF added = 0 THEN
        RETURN NULL;
    END IF;
    IF high <> (SELECT max(seq) FROM ledger)
        OR high - low + 1 <> added
        OR low <> 1 + coalesce((SELECT max(seq) FROM ledger WHERE seq < low), 0)
    THEN
        RAISE EXCEPTION 'the ledger is append-only: rows % to % do not follow its end', low, high
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_only_append AFTER INSERT ON ledger REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_continues();

-- Decisions by command id, so that a command seen again gets the same answer and nothing else happens. Never a token
-- or a key. Ids that the edge made are UUID v7 and leave by their own order; only the others need an index to leave.
CREATE TABLE inbox (
    id          text COLLATE "C" PRIMARY KEY,
    fingerprint text   NOT NULL,
    decision    text   NOT NULL,
    keep_until  bigint NOT NULL
);
CREATE INDEX inbox_keyed ON inbox (keep_until) WHERE id >= 'k';

-- What can be forgotten about a person: the ledger has SHA-256(salt ‖ value) and stays valid without this row.
CREATE TABLE person (
    subject     text COLLATE "C" NOT NULL,
    field       text COLLATE "C" NOT NULL,
    salt        text   NOT NULL,
    value       text   NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (subject, field)
);
