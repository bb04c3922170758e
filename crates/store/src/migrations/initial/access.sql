CREATE TABLE api_keys (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    prefix {text} NOT NULL,
    hash {blob} NOT NULL,
    scopes {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE UNIQUE INDEX api_keys_id ON api_keys (id);

CREATE TABLE security_events (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind {text} NOT NULL,
    connection_id BIGINT,
    address {text},
    reason {text} NOT NULL,
    at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX security_events_recent ON security_events (tenant_id, kind, last_at);
