-- When a message was called off: those few are found without naming the status (see the schema of messages).
ALTER TABLE messages ADD COLUMN cancelled_at BIGINT;
UPDATE messages SET cancelled_at = created_at WHERE status = 'cancelled';
CREATE INDEX messages_cancelled ON messages (tenant_id, id) WHERE cancelled_at IS NOT NULL;

-- Which conversations bear a label, kept by triggers as contact_tags is.
CREATE TABLE conversation_labels (
    tenant_id BIGINT NOT NULL,
    label {text} NOT NULL,
    conversation_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, label, conversation_id)
){clustered};

-- Broadcasts that were removed, while their recipients and the rows of their lists are still there to be swept.
CREATE TABLE broadcasts_removed (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

-- Contacts whose text the search does not know yet, put here by triggers. Making the index of a text costs more than
-- writing the contact: an import would take twice as long if it did so itself.
CREATE TABLE contact_search_waiting (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id)
){clustered};
