-- Lists of runs, page by page.
CREATE INDEX runs_by_start ON runs (started_at, run_id);
