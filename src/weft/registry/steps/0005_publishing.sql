-- Runs of domains elsewhere, what they have uploaded and handed in, scans, grants, and what domains were given.
CREATE TABLE open_runs (
    run_id TEXT PRIMARY KEY, caller TEXT NOT NULL, domains TEXT NOT NULL, opened_at TEXT NOT NULL,
    ends_at TEXT NOT NULL, closed_at TEXT) WITHOUT ROWID;
CREATE TABLE run_files (
    run_id TEXT NOT NULL, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (run_id, name)) WITHOUT ROWID;
CREATE TABLE handovers (
    run_id TEXT NOT NULL, product TEXT NOT NULL, digest TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL,
    document BLOB NOT NULL, answer BLOB, at TEXT NOT NULL, PRIMARY KEY (run_id, product)) WITHOUT ROWID;
CREATE INDEX handovers_by_state ON handovers (state);
CREATE TABLE scans (
    scan_id TEXT PRIMARY KEY, hash TEXT NOT NULL, port TEXT NOT NULL, snapshot_id TEXT NOT NULL,
    consumer TEXT NOT NULL, files BLOB NOT NULL, ends_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE grants (
    grant_id TEXT PRIMARY KEY, port TEXT NOT NULL, kind TEXT NOT NULL, consumer TEXT NOT NULL, since TEXT NOT NULL,
    ends_at TEXT, basis TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX grants_by_port ON grants (port);
CREATE INDEX grants_by_consumer ON grants (consumer);
CREATE TABLE requisitions (
    domain TEXT PRIMARY KEY, caller TEXT NOT NULL, at TEXT NOT NULL, prefix TEXT NOT NULL, namespace TEXT NOT NULL,
    most_bytes INTEGER NOT NULL, most_products INTEGER NOT NULL) WITHOUT ROWID;
