-- What a grant is for, requests for access, and the texts of both, which can be erased.
ALTER TABLE grants ADD COLUMN named_columns TEXT;
ALTER TABLE grants ADD COLUMN roles TEXT;
ALTER TABLE grants ADD COLUMN given_by TEXT;
ALTER TABLE grants ADD COLUMN request_id TEXT;
ALTER TABLE grants ADD COLUMN salt TEXT;
ALTER TABLE grants ADD COLUMN purpose TEXT;
ALTER TABLE grants ADD COLUMN reason TEXT;
ALTER TABLE grants ADD COLUMN review_at TEXT;
ALTER TABLE grants ADD COLUMN reviewed_at TEXT;
ALTER TABLE grants ADD COLUMN used_at TEXT;
ALTER TABLE grants ADD COLUMN told TEXT;
CREATE TABLE access_requests (
    request_id TEXT PRIMARY KEY, asked_by TEXT NOT NULL, kind TEXT NOT NULL, consumer TEXT NOT NULL,
    named_columns TEXT, roles TEXT NOT NULL, purpose TEXT NOT NULL, ends_at TEXT, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE access_items (
    request_id TEXT NOT NULL, port TEXT NOT NULL, state TEXT NOT NULL, stage INTEGER NOT NULL, raised INTEGER NOT NULL,
    since TEXT NOT NULL, reminded_at TEXT, decided_by TEXT, decided_at TEXT, reason TEXT, grant_id TEXT,
    approvals TEXT NOT NULL, PRIMARY KEY (request_id, port)) WITHOUT ROWID;
CREATE INDEX access_items_by_state ON access_items (state);
CREATE INDEX access_items_by_port ON access_items (port);
CREATE TABLE access_texts (text_id TEXT PRIMARY KEY, salt TEXT NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
