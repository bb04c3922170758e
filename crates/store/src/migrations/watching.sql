-- What one node does for all of them, and until when it has said so.
CREATE TABLE duties (
    name {text} NOT NULL PRIMARY KEY,
    holder {text} NOT NULL,
    until_at BIGINT NOT NULL
){clustered};

-- Who acknowledged an alert, beside what they were called then: a kind of actor and its id, api_key:3.
ALTER TABLE alerts ADD COLUMN acknowledged_key {text};
ALTER TABLE alert_events ADD COLUMN by_key {text};
