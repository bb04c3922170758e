CREATE TABLE templates (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    waba_id {text} NOT NULL,
    name {text} NOT NULL,
    language {text} NOT NULL,
    category {text} NOT NULL,
    status {text} NOT NULL,
    rejection_reason {text},
    quality {text},
    meta_id {text},
    parameter_format {text} NOT NULL,
    components {text} NOT NULL,
    param_names {text} NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX templates_name ON templates (tenant_id, name, language, waba_id) WHERE status <> 'deleted';
CREATE INDEX templates_meta_id ON templates (tenant_id, meta_id) WHERE meta_id IS NOT NULL;
