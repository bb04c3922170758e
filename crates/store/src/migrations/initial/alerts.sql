CREATE TABLE alerts (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind {text} NOT NULL,
    subject {text} NOT NULL,
    severity {text} NOT NULL,
    message {text} NOT NULL,
    details {text} NOT NULL,
    opened_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    acknowledged_at BIGINT,
    resolved_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX alerts_open ON alerts (tenant_id, kind, subject) WHERE resolved_at IS NULL;
