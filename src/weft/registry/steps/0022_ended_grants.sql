-- Who has ended a grant before its time, and why: the reason stands in access_texts, which can be erased.
ALTER TABLE grants ADD COLUMN ended_by TEXT;
ALTER TABLE grants ADD COLUMN ended_reason TEXT;
