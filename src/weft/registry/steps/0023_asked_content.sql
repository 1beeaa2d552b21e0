-- What a publication that somebody has to agree to would change, as JSON; NULL where an older weft has asked.
ALTER TABLE approvals ADD COLUMN content TEXT;
