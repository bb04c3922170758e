CREATE TABLE conversations (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    connection_id BIGINT NOT NULL,
    status {text} NOT NULL,
    assignee {text},
    labels {text} NOT NULL,
    window_expires_at BIGINT,
    last_inbound_at BIGINT,
    last_inbound_wamid {text},
    -- the inbound message up to which Meta was told that it is read
    read_wamid {text},
    last_message_at BIGINT,
    last_message_id BIGINT,
    last_message_preview {text},
    unread BIGINT NOT NULL,
    -- answers 131056 in a row
    pair_throttles BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX conversations_pair ON conversations (tenant_id, contact_id, connection_id);
CREATE INDEX conversations_latest ON conversations (tenant_id, COALESCE(last_message_at, created_at), id);

CREATE TABLE notes (
    tenant_id BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    author {text} NOT NULL,
    text {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id, id)
){clustered};

CREATE TABLE canned_replies (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    shortcut {text} NOT NULL,
    text {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX canned_replies_shortcut ON canned_replies (tenant_id, shortcut);
