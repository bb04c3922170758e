-- Messages since a time. It only grows at its end, and no update touches it.
CREATE INDEX messages_created ON messages (tenant_id, created_at, id);

-- Few are in doubt at a time.
CREATE INDEX messages_in_doubt_of ON messages (tenant_id, id) WHERE in_doubt_at IS NOT NULL;

-- Who bears a tag, kept by triggers on contacts (in the dialects): a rare tag is found without walking all contacts,
-- a common one in the order of the contacts.
CREATE TABLE contact_tags (
    tenant_id BIGINT NOT NULL,
    tag {text} NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, tag, contact_id)
){clustered};
