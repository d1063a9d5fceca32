-- The first event of every log that took another's place, by the new log's id: whole, as it was written. It says how the log
-- before it was called, which has to be known for good, and the ledger may forget it: events are archived.
CREATE TABLE log_before (
    ledger_id TEXT PRIMARY KEY,
    first     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO log_before (ledger_id, first)
    SELECT h.ledger_id, l.body FROM ledger_head h, ledger l WHERE l.seq = 1 AND l.body ->> '$.type' = 'ledger.gap';
