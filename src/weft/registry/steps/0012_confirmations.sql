-- When the company's provider has last said who somebody is, and the sealed secret by which it is asked again.
ALTER TABLE users ADD COLUMN confirmed_at TEXT;
UPDATE users SET confirmed_at = signed_in_at;
CREATE TABLE refreshes (name TEXT PRIMARY KEY, sealed TEXT NOT NULL, asked_at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX refreshes_by_time ON refreshes (asked_at);
