-- A list of contacts on its way in. The file lies in the data folder until the import has ended.
CREATE TABLE imports (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    state {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};
