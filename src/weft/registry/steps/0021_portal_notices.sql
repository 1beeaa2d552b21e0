-- What people are told in the portal itself, and what of it they have read.
CREATE TABLE portal_notices (
    owner TEXT NOT NULL, number INTEGER NOT NULL, notice_id TEXT NOT NULL, notice TEXT NOT NULL, at TEXT NOT NULL,
    read_at TEXT, PRIMARY KEY (owner, number)) WITHOUT ROWID;
CREATE UNIQUE INDEX portal_notices_once ON portal_notices (owner, notice_id);
CREATE INDEX portal_notices_unread ON portal_notices (owner, read_at, number);
CREATE INDEX portal_notices_by_time ON portal_notices (at);
