-- Queries that somebody keeps under a name, for whoever may read their ports. Texts stand here alone, not in the log.
CREATE TABLE saved_queries (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    sql TEXT NOT NULL,
    ports TEXT NOT NULL,
    purpose TEXT,
    made_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
