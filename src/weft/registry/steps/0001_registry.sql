-- What is published, the event log, runs and locks.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
    body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE domains (name TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE products (address TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE reads (product TEXT NOT NULL, port TEXT NOT NULL, PRIMARY KEY (port, product)) WITHOUT ROWID;
CREATE TABLE publications (
    port TEXT NOT NULL, revision INTEGER NOT NULL, snapshot_id TEXT NOT NULL, run_id TEXT NOT NULL,
    published_at TEXT NOT NULL, header TEXT NOT NULL, contract BLOB NOT NULL, manifest BLOB NOT NULL,
    PRIMARY KEY (port, revision)) WITHOUT ROWID;
CREATE TABLE ports (
    port TEXT PRIMARY KEY, name TEXT NOT NULL, major INTEGER NOT NULL, revision INTEGER NOT NULL,
    is_default INTEGER NOT NULL, retired INTEGER NOT NULL, pinned TEXT, held TEXT) WITHOUT ROWID;
CREATE INDEX ports_by_name ON ports (name);
CREATE TABLE edges (
    source TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, transformation TEXT NOT NULL,
    masking INTEGER NOT NULL, product TEXT NOT NULL);
CREATE INDEX edges_by_source ON edges (source);
CREATE INDEX edges_by_target ON edges (target);
CREATE INDEX edges_by_product ON edges (product);
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX runs_by_state ON runs (state);
CREATE TABLE run_ports (port TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (port, run_id)) WITHOUT ROWID;
CREATE TABLE checks (
    run_id TEXT NOT NULL, port TEXT NOT NULL, results TEXT NOT NULL, PRIMARY KEY (run_id, port)) WITHOUT ROWID;
CREATE TABLE samples (
    run_id TEXT NOT NULL, port TEXT NOT NULL, check_id TEXT NOT NULL, rows TEXT NOT NULL,
    PRIMARY KEY (run_id, port, check_id)) WITHOUT ROWID;
CREATE TABLE locks (name TEXT PRIMARY KEY, holder TEXT NOT NULL, process TEXT NOT NULL) WITHOUT ROWID;
