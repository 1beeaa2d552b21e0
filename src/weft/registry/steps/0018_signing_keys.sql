-- Keys with which servers sign what comes back to them: cursors, entity tags, links. Those of all servers of a registry.
CREATE TABLE signing_keys (number INTEGER PRIMARY KEY, key TEXT NOT NULL, made_at TEXT NOT NULL) WITHOUT ROWID;
