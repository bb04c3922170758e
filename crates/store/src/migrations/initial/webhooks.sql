-- Raw bodies, never updated; what still has to be projected stands in inbox_queue.
CREATE TABLE inbox (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    connection_id BIGINT,
    at BIGINT NOT NULL,
    body {blob} NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX inbox_at ON inbox (at);

CREATE TABLE inbox_queue (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    taken_by {text},
    taken_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX inbox_queue_oldest ON inbox_queue (id);

-- Items set aside.
CREATE TABLE inbox_items (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    inbox_id BIGINT NOT NULL,
    pointer {text} NOT NULL,
    connection_id BIGINT,
    field {text} NOT NULL,
    reason {text} NOT NULL,
    why {text} NOT NULL,
    raw {text} NOT NULL,
    at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    resolved_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX inbox_items_source ON inbox_items (tenant_id, inbox_id, pointer);
CREATE INDEX inbox_items_open ON inbox_items (tenant_id, reason, id) WHERE resolved_at IS NULL;
