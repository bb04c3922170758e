CREATE TABLE media (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    connection_id BIGINT NOT NULL,
    direction {text} NOT NULL,
    mime_type {text} NOT NULL,
    filename {text},
    size BIGINT NOT NULL,
    sha256 {text},
    meta_id {text},
    meta_expires_at BIGINT,
    path {text},
    failure {text},
    -- when an inbound file is to be fetched (next); NULL: nothing to fetch
    fetch_at BIGINT,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX media_to_fetch ON media (fetch_at) WHERE fetch_at IS NOT NULL;
