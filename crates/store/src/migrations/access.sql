-- A person: one address, one password, member of one tenant or of several.
CREATE TABLE accounts (
    id BIGINT NOT NULL,
    email {text} NOT NULL,
    -- as argon2 writes it
    password {text},
    -- sealed
    totp_secret {blob},
    totp_confirmed BOOLEAN NOT NULL,
    -- the last step whose code was taken
    totp_step BIGINT NOT NULL,
    -- JSON array of hashes
    recovery_codes {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
){clustered};

CREATE UNIQUE INDEX accounts_email ON accounts (email);

CREATE TABLE members (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    name {text},
    -- a role that every tenant has, or else one of its own
    role {text},
    role_id BIGINT,
    state {text} NOT NULL,
    invited_at BIGINT NOT NULL,
    joined_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX members_account ON members (account_id, tenant_id);

CREATE TABLE roles (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    permissions {text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE UNIQUE INDEX roles_name ON roles (tenant_id, name);

-- Links in letters, by the hash of their token: invitations (of a member) and new passwords (of an account). One that
-- was used is gone.
CREATE TABLE account_links (
    hash {text} NOT NULL,
    account_id BIGINT NOT NULL,
    tenant_id BIGINT,
    member_id BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (hash)
){clustered};

CREATE INDEX account_links_of ON account_links (account_id);
CREATE INDEX account_links_member ON account_links (tenant_id, member_id) WHERE member_id IS NOT NULL;
CREATE INDEX account_links_end ON account_links (expires_at);

CREATE TABLE sessions (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    hash {text} NOT NULL,
    address {text},
    user_agent {text},
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
){clustered};

CREATE UNIQUE INDEX sessions_hash ON sessions (hash);
CREATE UNIQUE INDEX sessions_id ON sessions (id);
CREATE INDEX sessions_end ON sessions (expires_at);

-- Tries at passwords and letters, by who tries or is tried at.
CREATE TABLE login_tries (
    subject {text} NOT NULL,
    tries BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    blocked_until BIGINT,
    PRIMARY KEY (subject)
){clustered};

CREATE INDEX login_tries_last ON login_tries (last_at);

-- JSON array of networks from where the key may be used; empty: from everywhere.
ALTER TABLE api_keys ADD COLUMN networks {text} NOT NULL DEFAULT '[]';
