CREATE TABLE connections (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    phone_number_id {text} NOT NULL,
    waba_id {text} NOT NULL,
    app_id {text},
    display_phone_number {text},
    verified_name {text},
    quality_rating {text},
    messaging_limit {text},
    state {text} NOT NULL,
    state_reason {text},
    is_default BOOLEAN NOT NULL,
    rate_count BIGINT NOT NULL,
    rate_period_ms BIGINT NOT NULL,
    graph_url {text} NOT NULL,
    token_expires_at BIGINT,
    handshake_at BIGINT,
    last_webhook_at BIGINT,
    access_token {blob} NOT NULL,
    app_secret {blob} NOT NULL,
    verify_token {blob} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX connections_phone_number_id ON connections (phone_number_id);
CREATE UNIQUE INDEX connections_default ON connections (tenant_id) WHERE is_default;

CREATE TABLE lanes (
    tenant_id BIGINT NOT NULL,
    connection_id BIGINT NOT NULL,
    holder {text},
    epoch BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    pace {text},
    PRIMARY KEY (tenant_id, connection_id)
){clustered};
