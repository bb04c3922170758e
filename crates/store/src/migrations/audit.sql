-- What was done, kept in the commit of what it tells of, until it gets its place in the chain: the entries of one
-- commit for one tenant in one row.
CREATE TABLE audit_pending (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    -- how many entries
    entries BIGINT NOT NULL,
    -- a JSON array of them
    body {text} NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

-- The chain. Triggers refuse to change or remove a row.
CREATE TABLE audit_entries (
    tenant_id BIGINT NOT NULL,
    -- from 1, without a gap
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_kind {text} NOT NULL,
    actor_id BIGINT,
    actor_name {text},
    address {text},
    request_id {text},
    action {text} NOT NULL,
    subject {text} NOT NULL,
    -- JSON, exactly as it is hashed
    was {text},
    became {text},
    -- the hash of the entry before, and of this one
    prev {blob} NOT NULL,
    hash {blob} NOT NULL,
    PRIMARY KEY (tenant_id, seq)
){clustered};

CREATE INDEX audit_entries_by_time ON audit_entries (tenant_id, at, seq);
CREATE INDEX audit_entries_by_action ON audit_entries (tenant_id, action, seq);
CREATE INDEX audit_entries_by_subject ON audit_entries (tenant_id, subject, seq);
CREATE INDEX audit_entries_by_actor ON audit_entries (tenant_id, actor_kind, actor_id, seq);

-- The end of each tenant's chain, and the key that it is made with, sealed.
CREATE TABLE audit_heads (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash {blob} NOT NULL,
    mac {blob} NOT NULL,
    chain_key {blob} NOT NULL
){clustered};
