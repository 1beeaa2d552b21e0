-- Publications that wait for a person: since when, until when, and for which approvals.
ALTER TABLE handovers ADD COLUMN held_at TEXT;
ALTER TABLE handovers ADD COLUMN held_until TEXT;
ALTER TABLE handovers ADD COLUMN approvals TEXT;
