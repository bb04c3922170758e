CREATE TABLE broadcasts (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    state {text} NOT NULL,
    -- why it is paused, failed or cancelled, as JSON
    reason {text},
    -- what is sent, to whom, when: `domain::broadcasts::Plan` as JSON
    plan {text} NOT NULL,
    -- the template's category when it was started: a template that is moved stops the broadcast
    category {text},
    -- the broadcast of which this is one turn
    recurs_from BIGINT,
    -- when it starts, or its next turn is made
    starts_at BIGINT,
    -- the audience is frozen up to this contact, or row of the list
    freeze_cursor BIGINT NOT NULL,
    frozen BOOLEAN NOT NULL,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX broadcasts_live ON broadcasts (tenant_id, id) WHERE state IN ('scheduled', 'sending');

-- Rows of an uploaded list, as they were read.
CREATE TABLE broadcast_rows (
    tenant_id BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    -- the line that a person sees in the file, or the place in the request, from 1
    row_number BIGINT NOT NULL,
    -- as given, for the results
    given {text} NOT NULL,
    -- E.164, when it could be read
    phone {text},
    -- the columns of the row, as JSON
    columns {text} NOT NULL,
    PRIMARY KEY (tenant_id, broadcast_id, row_number)
){clustered};

-- Who is in a broadcast. Without reason and message: still to come. With a message its state is the message's.
CREATE TABLE recipients (
    tenant_id BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    -- the contact, so that nobody can be in it twice; or minus the row of the list, when the row is left out
    id BIGINT NOT NULL,
    -- the row of the list, when there is one
    row_number BIGINT,
    -- IANA name, or two letters of the country
    zone {text},
    due_at BIGINT NOT NULL,
    message_id BIGINT,
    -- the failed message that the next one takes the place of
    retry_of BIGINT,
    -- 1 for the first message
    attempt BIGINT NOT NULL,
    -- why nothing is sent to it
    reason {text},
    detail {text},
    replied_at BIGINT,
    opted_out_at BIGINT,
    PRIMARY KEY (tenant_id, broadcast_id, id)
){clustered};

CREATE INDEX recipients_pending ON recipients (tenant_id, broadcast_id, due_at, id)
    WHERE message_id IS NULL AND reason IS NULL;
CREATE INDEX recipients_left_out ON recipients (tenant_id, broadcast_id, reason, id) WHERE reason IS NOT NULL;
CREATE INDEX recipients_replied ON recipients (tenant_id, broadcast_id, id) WHERE replied_at IS NOT NULL;

-- How many recipients stand where, by the hour in which they came there (hours since 1970, UTC): moved in the
-- transaction that moves the rows, so that the sums always equal the rows.
CREATE TABLE broadcast_counts (
    tenant_id BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    name {text} NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, broadcast_id, hour, name)
){clustered};

ALTER TABLE messages ADD COLUMN broadcast_id BIGINT;
-- whose message it is in the broadcast: the contact may have been joined with another since
ALTER TABLE messages ADD COLUMN recipient_id BIGINT;
-- another attempt took its place in the broadcast: it is counted no more
ALTER TABLE messages ADD COLUMN superseded BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX messages_broadcast ON messages (tenant_id, broadcast_id, contact_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX messages_broadcast_failed ON messages (tenant_id, broadcast_id, id)
    WHERE broadcast_id IS NOT NULL AND failed_at IS NOT NULL;
CREATE INDEX messages_broadcast_in_doubt ON messages (tenant_id, broadcast_id, id)
    WHERE broadcast_id IS NOT NULL AND in_doubt_at IS NOT NULL;

ALTER TABLE outbox ADD COLUMN broadcast_id BIGINT;
-- its broadcast is paused
ALTER TABLE outbox ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (tenant_id, connection_id, priority, due_at, message_id) WHERE NOT sending AND NOT held;
CREATE INDEX outbox_broadcast ON outbox (tenant_id, broadcast_id) WHERE broadcast_id IS NOT NULL;

-- when a template went to the contact while no window was open: Meta limits how many contacts that may be in 24 hours
ALTER TABLE conversations ADD COLUMN last_initiated_at BIGINT;
-- the latest broadcast that went to the contact here, for replies and opt-outs
ALTER TABLE conversations ADD COLUMN broadcast_id BIGINT;
CREATE INDEX conversations_initiated ON conversations (tenant_id, connection_id, last_initiated_at, contact_id)
    WHERE last_initiated_at IS NOT NULL;
