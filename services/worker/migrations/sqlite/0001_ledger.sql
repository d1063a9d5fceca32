-- The ledger: what happened, in order, for good. One event is one line of JSON; the text is the record.
CREATE TABLE ledger (
    seq  INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- One row: how far the ledger goes, and the roots of its complete subtrees (RFC 6962), largest first, 32 bytes each.
CREATE TABLE ledger_head (
    one       INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    ledger_id TEXT    NOT NULL,
    size      INTEGER NOT NULL,
    frontier  BLOB    NOT NULL
) STRICT;
INSERT INTO ledger_head (ledger_id, size, frontier)
    VALUES (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8'
        || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))), 0, x'');

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: UPDATE refused'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: DELETE refused'); END;
-- INSERT OR REPLACE passes the triggers above, but not this one.
CREATE TRIGGER ledger_only_append BEFORE INSERT ON ledger
    WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM ledger), 0)
    BEGIN SELECT raise(ABORT, 'the ledger is append-only: the row does not follow its end'); END;

-- Decisions by command id, so that a command seen again gets the same answer and nothing else happens. Never a token
-- or a key. Ids that the edge made are UUID v7 and leave by their own order; only the others need an index to leave.
CREATE TABLE inbox (
    id          TEXT PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    keep_until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_keyed ON inbox (keep_until) WHERE id >= 'k';

-- What can be forgotten about a person: the ledger has SHA-256(salt ‖ value) and stays valid without this row.
CREATE TABLE person (
    subject     TEXT NOT NULL,
    field       TEXT NOT NULL,
    salt        TEXT NOT NULL,
    value       TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (subject, field)
) STRICT, WITHOUT ROWID;
