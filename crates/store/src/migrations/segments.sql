-- A saved question about contacts; the rule as `domain::segments::Rule` writes it.
CREATE TABLE segments (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    rule {text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX segments_name ON segments (tenant_id, name);

-- Two letters, out of the phone number.
ALTER TABLE contacts ADD COLUMN country {text};
-- IANA name, when the contact has one of its own.
ALTER TABLE contacts ADD COLUMN time_zone {text};
