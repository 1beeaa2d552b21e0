-- Publications that wait for a person: since when, until when, and for which approvals.
ALTER TABLE handovers ADD COLUMN held_at TEXT;
ALTER TABLE handovers ADD COLUMN held_until TEXT;
ALTER TABLE handovers ADD COLUMN approvals TEXT;
-- When the whole mesh was last held against its policies: the day on which violations were last seen that say none themselves.
CREATE TABLE policy_scans (place TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
