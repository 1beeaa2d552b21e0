-- What private models keep, and batches of builds that are not published yet.
CREATE TABLE kept_tables (
    product TEXT NOT NULL, model TEXT NOT NULL, snapshot_id TEXT NOT NULL, run_id TEXT NOT NULL,
    parts TEXT NOT NULL, columns TEXT NOT NULL, manifest BLOB NOT NULL,
    PRIMARY KEY (product, model)) WITHOUT ROWID;
CREATE TABLE batches (
    build TEXT NOT NULL, batch TEXT NOT NULL, at TEXT NOT NULL, manifest BLOB NOT NULL,
    PRIMARY KEY (build, batch)) WITHOUT ROWID;
