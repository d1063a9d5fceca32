-- What belongs to a broadcast ends with it; what was registered can be found by its token, and by whom.
ALTER TABLE session ADD COLUMN broadcast_id text COLLATE "C";
ALTER TABLE session ADD COLUMN created_by bigint;
-- Lower-case hex of SHA-256 of a token from outside.
ALTER TABLE session ADD COLUMN fingerprint text COLLATE "C";

-- Lists go newest first, of all rooms or of one. The participant makes the order strict; the id must not: it opens the
-- door, and a list's place stands in URLs.
CREATE INDEX session_newest ON session (created_at, participant);
CREATE INDEX session_room ON session (room, created_at, participant);
-- A token names its participant, or is known by its fingerprint.
CREATE INDEX session_participant ON session (participant);
CREATE INDEX session_fingerprint ON session (fingerprint) WHERE fingerprint IS NOT NULL;
