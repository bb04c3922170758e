-- Whom it means, settled when it began: `domain::broadcasts::Meant` as JSON; NULL: it never began.
ALTER TABLE broadcasts ADD COLUMN meant {text};
-- Grows with every change and every step.
ALTER TABLE broadcasts ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Turns of a recurring broadcast.
CREATE INDEX broadcasts_turns ON broadcasts (tenant_id, recurs_from, id) WHERE recurs_from IS NOT NULL;

-- The rows of a list are found by the list, not by its broadcast: a list that is being uploaded is nobody's until it is
-- whole. The lists that are there keep the ids of their broadcasts.
ALTER TABLE broadcast_rows RENAME COLUMN broadcast_id TO list_id;
ALTER TABLE broadcasts ADD COLUMN list_id BIGINT;
UPDATE broadcasts SET list_id = id WHERE EXISTS
    (SELECT 1 FROM broadcast_rows w WHERE w.tenant_id = broadcasts.tenant_id AND w.list_id = broadcasts.id);

-- Lists that are no broadcast's: on their way, or to be swept.
CREATE TABLE broadcast_lists (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    -- when its last part came; 0: nobody waits for another
    touched_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};
INSERT INTO broadcast_lists (tenant_id, id, touched_at) SELECT r.tenant_id, r.id, 0 FROM broadcasts_removed r;
