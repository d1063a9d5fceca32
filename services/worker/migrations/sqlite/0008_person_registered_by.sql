-- Which user registered the session of somebody: a user is erased with everybody whom those sessions let in, also when the
-- sessions are forgotten and what the ledger had of them is archived.
ALTER TABLE person ADD COLUMN registered_by INTEGER;
CREATE INDEX person_registered_by ON person (registered_by) WHERE registered_by IS NOT NULL;
UPDATE person SET registered_by = CAST(i.key AS INTEGER) FROM ledger_index i JOIN ledger l ON l.seq = i.seq
    WHERE i.kind = 'user' AND person.subject = l.body ->> '$.data.participant';
UPDATE person SET registered_by = s.created_by FROM session s
    WHERE s.participant = person.subject AND s.created_by IS NOT NULL;
