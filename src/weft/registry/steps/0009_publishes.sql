-- What each run has published of a product: a digest of its content, so that what is sent twice is published once.
CREATE TABLE publishes (
    run_id TEXT NOT NULL, product TEXT NOT NULL, digest TEXT NOT NULL, revisions TEXT NOT NULL,
    PRIMARY KEY (run_id, product)) WITHOUT ROWID;
