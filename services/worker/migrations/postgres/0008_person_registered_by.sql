-- Which user registered the session of somebody: a user is erased with everybody whom those sessions let in, also when the
-- sessions are forgotten and what the ledger had of them is archived.
ALTER TABLE person ADD COLUMN registered_by bigint;
CREATE INDEX person_registered_by ON person (registered_by) WHERE registered_by IS NOT NULL;
UPDATE person p SET registered_by = i.key::bigint FROM ledger_index i JOIN ledger l ON l.seq = i.seq
    WHERE i.kind = 'user' AND p.subject = l.body::json -> 'data' ->> 'participant';
UPDATE person p SET registered_by = s.created_by FROM session s WHERE s.participant = p.subject AND s.created_by IS NOT NULL;
