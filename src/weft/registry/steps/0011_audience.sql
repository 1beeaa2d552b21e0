-- Domains whose drafts somebody who subscribed may hear of; NULL: of all.
ALTER TABLE subscriptions ADD COLUMN domains TEXT;
