-- Jobs that wait for a worker, their logs, and the schedules that make them.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY, job_id TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    domain TEXT NOT NULL, engine TEXT NOT NULL, priority INTEGER NOT NULL, due TEXT NOT NULL, not_before TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, max_attempts INTEGER NOT NULL, timeout_s INTEGER NOT NULL,
    fence INTEGER NOT NULL, leased_by TEXT, lease_until TEXT, cancel_by TEXT, cause TEXT NOT NULL, actor TEXT NOT NULL,
    payload TEXT NOT NULL, result TEXT, run_id TEXT, batch_of TEXT, created_at TEXT NOT NULL, started_at TEXT,
    finished_at TEXT);
CREATE UNIQUE INDEX jobs_by_id ON jobs (job_id);
CREATE UNIQUE INDEX jobs_by_key ON jobs (key);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_subject ON jobs (subject, number);
CREATE INDEX jobs_by_run ON jobs (run_id);
CREATE INDEX jobs_by_batch ON jobs (batch_of, number);
CREATE TABLE job_lines (
    job_id TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (job_id, number)) WITHOUT ROWID;
CREATE TABLE schedules (
    subject TEXT PRIMARY KEY, declared TEXT NOT NULL, inputs TEXT NOT NULL, handled_until TEXT NOT NULL,
    next_due TEXT, fresh TEXT NOT NULL, paused_by TEXT, paused_at TEXT) WITHOUT ROWID;
CREATE INDEX schedules_by_due ON schedules (next_due);
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
