CREATE TABLE tenants (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    settings {text} NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE versions (
    name {text} NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO versions (name, value) VALUES ('connections', 1);
