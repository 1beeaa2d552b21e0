-- Who is told of what, what waits to be told, incidents with their timelines, and meters.
CREATE TABLE subscriptions (
    subscription_id TEXT PRIMARY KEY, owner TEXT NOT NULL, subject TEXT NOT NULL, kinds TEXT NOT NULL,
    channel TEXT NOT NULL, target TEXT NOT NULL, secret TEXT, digest TEXT, since INTEGER NOT NULL,
    created_at TEXT NOT NULL, ended_at TEXT) WITHOUT ROWID;
CREATE TABLE mutes (domain TEXT NOT NULL, subject TEXT NOT NULL, actor TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (domain, subject)) WITHOUT ROWID;
INSERT INTO cursors SELECT 'notices', coalesce(max(seq), 0) FROM events;
INSERT INTO cursors SELECT 'incidents', coalesce(max(seq), 0) FROM events;
CREATE TABLE deliveries (
    delivery_id TEXT PRIMARY KEY, position INTEGER NOT NULL, recipient TEXT NOT NULL, channel TEXT NOT NULL,
    target TEXT NOT NULL, secret TEXT, digest INTEGER NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL,
    due_at TEXT NOT NULL, expires_at TEXT NOT NULL, attempts INTEGER NOT NULL, claimed_by TEXT,
    ended_at TEXT, problem TEXT) WITHOUT ROWID;
CREATE UNIQUE INDEX deliveries_by_position ON deliveries (position);
CREATE INDEX deliveries_by_state ON deliveries (state, recipient, position);
CREATE TABLE delivery_notices (
    delivery_id TEXT NOT NULL, number INTEGER NOT NULL, notice TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)) WITHOUT ROWID;
CREATE TABLE incidents (
    incident_id TEXT PRIMARY KEY, cause_key TEXT NOT NULL, cause TEXT NOT NULL, subject TEXT NOT NULL,
    domain TEXT NOT NULL, owner TEXT NOT NULL, what TEXT NOT NULL, opened_at TEXT NOT NULL, closed_at TEXT,
    acknowledged_at TEXT, acknowledged_by TEXT, root TEXT, affected TEXT NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX incidents_that_are_open ON incidents (cause_key) WHERE closed_at IS NULL;
CREATE INDEX incidents_by_opening ON incidents (opened_at);
CREATE TABLE incident_entries (
    incident_id TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (incident_id, number)) WITHOUT ROWID;
CREATE TABLE reminders (
    port TEXT NOT NULL, day TEXT NOT NULL, days INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (port, day, days)) WITHOUT ROWID;
CREATE TABLE meters (
    meter_id TEXT PRIMARY KEY, at TEXT NOT NULL, day TEXT NOT NULL, kind TEXT NOT NULL, amount REAL NOT NULL,
    product TEXT NOT NULL, domain TEXT NOT NULL, port TEXT, consumer TEXT NOT NULL, purpose TEXT NOT NULL,
    run_id TEXT, snapshot_id TEXT) WITHOUT ROWID;
CREATE INDEX meters_by_day ON meters (day, domain, product);
