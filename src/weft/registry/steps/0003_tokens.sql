-- Tokens of people, domains and services: a salted hash of each, never itself.
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY, hash TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, label TEXT NOT NULL,
    domain TEXT, actions TEXT, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT,
    used_at TEXT) WITHOUT ROWID;
CREATE INDEX tokens_by_owner ON tokens (owner);
