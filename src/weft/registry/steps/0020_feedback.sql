-- What people say of products: questions and faults with their answers, and one rating of each person.
-- Texts stand here alone, where their writers can change and take them back, and not in the log.
CREATE TABLE questions (
    question_id TEXT PRIMARY KEY, product TEXT NOT NULL, domain TEXT NOT NULL, port TEXT, kind TEXT NOT NULL,
    content TEXT NOT NULL, asked_by TEXT NOT NULL, asked_at TEXT NOT NULL, changed_at TEXT, answered_at TEXT,
    closed_by TEXT, closed_at TEXT) WITHOUT ROWID;
CREATE INDEX questions_by_product ON questions (product, asked_at, question_id);
CREATE INDEX questions_by_domain ON questions (domain, asked_at, question_id);
CREATE TABLE answers (
    answer_id TEXT PRIMARY KEY, question_id TEXT NOT NULL, content TEXT NOT NULL, answered_by TEXT NOT NULL,
    answered_at TEXT NOT NULL, changed_at TEXT, of_domain INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX answers_by_question ON answers (question_id, answered_at, answer_id);
CREATE TABLE ratings (
    product TEXT NOT NULL, rated_by TEXT NOT NULL, stars INTEGER NOT NULL, content TEXT NOT NULL,
    rated_at TEXT NOT NULL, changed_at TEXT, PRIMARY KEY (product, rated_by)) WITHOUT ROWID;
CREATE INDEX ratings_by_time ON ratings (product, rated_at, rated_by);
