-- What a tenant keeps for how long, and how far its purge has come. A tenant without a row keeps the defaults.
CREATE TABLE retention (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    message_content_days BIGINT NOT NULL,
    delivery_log_days BIGINT NOT NULL,
    webhook_days BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    -- which node purges, and until when others leave it alone
    holder {text},
    held_until BIGINT NOT NULL,
    -- the purge under way with its cursor, as JSON
    run {text},
    -- where the next walk over messages begins: whatever is older is done
    content_from BIGINT NOT NULL,
    -- the report of the last purge, as JSON
    last_run {text}
){clustered};

-- Their content is gone since.
ALTER TABLE messages ADD COLUMN content_purged_at BIGINT;
-- When a file was last sent, to the day.
ALTER TABLE media ADD COLUMN used_at BIGINT;

CREATE INDEX media_age ON media (tenant_id, created_at, id);
CREATE INDEX media_path ON media (tenant_id, path) WHERE path IS NOT NULL;
CREATE INDEX notes_age ON notes (tenant_id, created_at, id);

-- Files whose rows are gone, until they are gone from the disk too.
CREATE TABLE leftover_files (
    tenant_id BIGINT NOT NULL,
    path {text} NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, path)
){clustered};

-- The key of a tenant's hashes and receipts, sealed; made with the first erasure, never changed.
CREATE TABLE erasure_keys (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    sealed {blob} NOT NULL,
    created_at BIGINT NOT NULL
){clustered};

CREATE TABLE erasures (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    -- whom it erased: no contact has this id any more
    contact_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- what is still to be removed, as JSON: by what the person is found, and the cursor; NULL once it is done
    work {text},
    removed {text} NOT NULL,
    receipt {text},
    digest {text},
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX erasures_contact ON erasures (tenant_id, contact_id);
CREATE INDEX erasures_unfinished ON erasures (tenant_id, id) WHERE work IS NOT NULL;

-- What is kept of an erased person: that a number or a user id, known by its keyed hash alone, said no.
CREATE TABLE erased_identities (
    tenant_id BIGINT NOT NULL,
    hash {text} NOT NULL,
    erasure_id BIGINT NOT NULL,
    -- under which the consent ledger keeps the person's records
    contact_id BIGINT NOT NULL,
    erased_at BIGINT NOT NULL,
    opted_out_at BIGINT,
    opt_out_source {text},
    marketing_stopped BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, hash)
){clustered};
