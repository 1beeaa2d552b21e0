-- Tables that readers keep for themselves for a while: what they are made of, and where their file lies.
CREATE TABLE workspace (
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    level TEXT,
    columns TEXT NOT NULL,
    sources TEXT NOT NULL,
    rows INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    file TEXT NOT NULL,
    made_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    PRIMARY KEY (principal, name)
) WITHOUT ROWID;
