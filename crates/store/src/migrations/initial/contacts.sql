-- A contact that was merged into another keeps its row (its id stays good) without phone and bsuid. What
-- hung on it (conversations, messages, queue) moved; its consent records stay under its id, and are read with those of
-- the other.
CREATE TABLE contacts (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    phone {text},
    bsuid {text},
    username {text},
    name {text},
    language {text},
    tags {text} NOT NULL,
    fields {text} NOT NULL,
    -- name, phone and username in lower case, one per line
    search {text} NOT NULL,
    opted_in BOOLEAN NOT NULL,
    opted_in_at BIGINT,
    opted_out_at BIGINT,
    marketing_stopped BOOLEAN NOT NULL,
    wrote_after_opt_out BOOLEAN NOT NULL,
    review_reason {text},
    review_code BIGINT,
    review_at BIGINT,
    last_inbound_at BIGINT,
    merged_into BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX contacts_phone ON contacts (tenant_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX contacts_bsuid ON contacts (tenant_id, bsuid) WHERE bsuid IS NOT NULL;
CREATE INDEX contacts_merged ON contacts (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX contacts_review ON contacts (tenant_id, id) WHERE review_at IS NOT NULL;

-- Append-only: no statement of the store updates or deletes here.
CREATE TABLE consent_records (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    kind {text} NOT NULL,
    source {text} NOT NULL,
    at BIGINT NOT NULL,
    evidence {text} NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX consent_records_contact ON consent_records (tenant_id, contact_id, id);
