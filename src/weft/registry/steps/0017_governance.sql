-- What violates policies, since when; waivers, known debt, and publications that a person has to agree to.
-- Reasons and plans stand in access_texts, which can be erased; here and in the log is a reference.
CREATE TABLE violations (
    violation_id TEXT PRIMARY KEY, policy TEXT NOT NULL, subject TEXT NOT NULL, product TEXT, domain TEXT NOT NULL,
    owner TEXT NOT NULL, severity TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL, due TEXT NOT NULL, detail TEXT, resolved_at TEXT, waiver_id TEXT,
    escalated INTEGER NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX violations_by_subject ON violations (policy, subject);
CREATE INDEX violations_by_due ON violations (due, violation_id);
CREATE INDEX violations_by_domain ON violations (domain, due);
CREATE INDEX violations_by_product ON violations (product);
CREATE TABLE violation_entries (
    violation_id TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (violation_id, number)) WITHOUT ROWID;
CREATE TABLE waivers (
    waiver_id TEXT PRIMARY KEY, policy TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL, role TEXT NOT NULL,
    given_by TEXT NOT NULL, given_at TEXT NOT NULL, ends_at TEXT NOT NULL, warned_at TEXT, ended_at TEXT,
    ended_by TEXT) WITHOUT ROWID;
CREATE INDEX waivers_by_giving ON waivers (given_at, waiver_id);
CREATE TABLE baselines (
    baseline_id TEXT PRIMARY KEY, domain TEXT NOT NULL, owner TEXT NOT NULL, plan TEXT NOT NULL, until TEXT NOT NULL,
    accepted_by TEXT NOT NULL, at TEXT NOT NULL, reason TEXT) WITHOUT ROWID;
CREATE TABLE known_debts (
    policy TEXT NOT NULL, subject TEXT NOT NULL, domain TEXT NOT NULL, baseline_id TEXT NOT NULL, until TEXT NOT NULL,
    accepted_at TEXT NOT NULL, gone_at TEXT, PRIMARY KEY (policy, subject)) WITHOUT ROWID;
CREATE INDEX known_debts_by_domain ON known_debts (policy, domain);
CREATE TABLE debt_counts (
    policy TEXT NOT NULL, domain TEXT NOT NULL, at TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (policy, domain, at)) WITHOUT ROWID;
CREATE TABLE approvals (
    approval_id TEXT PRIMARY KEY, policy TEXT NOT NULL, product TEXT NOT NULL, domain TEXT NOT NULL,
    digest TEXT NOT NULL, roles TEXT NOT NULL, why TEXT, state TEXT NOT NULL, asked_by TEXT NOT NULL,
    asked_at TEXT NOT NULL, decided_by TEXT, decided_at TEXT, reason TEXT) WITHOUT ROWID;
CREATE UNIQUE INDEX approvals_by_content ON approvals (policy, product, digest);
CREATE INDEX approvals_by_asking ON approvals (asked_at, approval_id);
