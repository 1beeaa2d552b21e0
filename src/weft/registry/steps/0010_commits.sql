-- Which server has the files of a handover, who commits it, until when it is taken as alive, and how often that was begun.
ALTER TABLE handovers ADD COLUMN place TEXT;
ALTER TABLE handovers ADD COLUMN holder TEXT;
ALTER TABLE handovers ADD COLUMN until TEXT;
ALTER TABLE handovers ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
