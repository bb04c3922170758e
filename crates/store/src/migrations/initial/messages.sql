-- No index names status: it moves several times per message, and on PostgreSQL a row whose indexed columns stay is
-- updated in place. Messages on their way are found by the outbox, failed ones and those in doubt by their time.
CREATE TABLE messages (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    conversation_id BIGINT,
    connection_id BIGINT NOT NULL,
    direction {text} NOT NULL,
    status {text} NOT NULL,
    priority BIGINT NOT NULL,
    -- NULL, or 'opt_out_confirmation', 'opt_in_confirmation'
    purpose {text},
    content {text} NOT NULL,
    template_id BIGINT,
    wamid {text},
    reply_to {text},
    failure {text},
    pricing_category {text},
    attempts BIGINT NOT NULL,
    retry_of BIGINT,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    send_at BIGINT,
    sent_at BIGINT,
    delivered_at BIGINT,
    read_at BIGINT,
    failed_at BIGINT,
    in_doubt_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX messages_wamid ON messages (tenant_id, wamid) WHERE wamid IS NOT NULL;
CREATE INDEX messages_contact ON messages (tenant_id, contact_id, id);
CREATE INDEX messages_conversation ON messages (tenant_id, conversation_id, id);
CREATE INDEX messages_failed ON messages (tenant_id, id) WHERE failed_at IS NOT NULL;
CREATE INDEX messages_in_doubt ON messages (in_doubt_at) WHERE in_doubt_at IS NOT NULL;

-- Messages on their way: a row is removed when its message is settled.
CREATE TABLE outbox (
    tenant_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    connection_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- waits for the time that the sender asked for
    scheduled BOOLEAN NOT NULL,
    -- claimed by the lane of this epoch, no outcome yet
    sending BOOLEAN NOT NULL,
    epoch BIGINT,
    PRIMARY KEY (tenant_id, message_id)
){clustered};

CREATE INDEX outbox_due ON outbox (tenant_id, connection_id, priority, due_at, message_id) WHERE NOT sending;
CREATE INDEX outbox_sending ON outbox (tenant_id, connection_id, message_id) WHERE sending;
CREATE INDEX outbox_contact ON outbox (tenant_id, contact_id);

CREATE TABLE message_events (
    tenant_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    status {text} NOT NULL,
    at BIGINT NOT NULL,
    details {text} NOT NULL,
    PRIMARY KEY (tenant_id, message_id, id)
){clustered};

-- Statuses whose message is not known (yet).
CREATE TABLE orphan_statuses (
    tenant_id BIGINT NOT NULL,
    wamid {text} NOT NULL,
    status {text} NOT NULL,
    at BIGINT NOT NULL,
    kept_at BIGINT NOT NULL,
    report {text} NOT NULL,
    PRIMARY KEY (tenant_id, wamid, status)
){clustered};

CREATE INDEX orphan_statuses_kept ON orphan_statuses (kept_at);

CREATE TABLE idempotency (
    tenant_id BIGINT NOT NULL,
    key {text} NOT NULL,
    request {blob} NOT NULL,
    message_id BIGINT,
    status BIGINT,
    body {blob},
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
){clustered};

CREATE INDEX idempotency_at ON idempotency (at);
