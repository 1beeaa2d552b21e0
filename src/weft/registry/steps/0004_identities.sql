-- People who sign in, their sessions, sign-ins that failed, and those that are under way.
CREATE TABLE users (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, hash TEXT, issuer TEXT, subject TEXT, title TEXT,
    mesh_roles TEXT NOT NULL, domain_roles TEXT NOT NULL, teams TEXT NOT NULL, created_at TEXT NOT NULL,
    disabled_at TEXT, signed_in_at TEXT) WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_subject ON users (issuer, subject);
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY, owner TEXT NOT NULL, created_at TEXT NOT NULL, seen_at TEXT NOT NULL,
    expires_at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE TABLE attempts (
    key TEXT NOT NULL, attempt TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (key, attempt)) WITHOUT ROWID;
CREATE INDEX attempts_by_time ON attempts (at);
CREATE TABLE sign_ins (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, record TEXT NOT NULL, expires_at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
