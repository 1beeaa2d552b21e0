-- Who has read what: a hash chain of its own, since there is more of it than of all else; texts stand where they can be erased.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_subject ON audit (subject);
CREATE TABLE audit_ports (port TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (port, seq)) WITHOUT ROWID;
CREATE TABLE audit_texts (
    read_id TEXT PRIMARY KEY, salt TEXT NOT NULL, purpose TEXT, query TEXT) WITHOUT ROWID;
