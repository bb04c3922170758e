-- Why a row is told of: 0 it is at fault, 1 its number was there already, 2 it became a contact and something is to be said of it.
ALTER TABLE import_rows ADD COLUMN kind BIGINT NOT NULL DEFAULT 0;

UPDATE import_rows SET kind = 1 WHERE error = 'Duplicate number';

-- The few at fault are found among the many that came again.
CREATE INDEX import_rows_kind ON import_rows (tenant_id, import_id, kind, row_number);

-- Contacts that a list opted out, and those who had opted out and whom it could not opt in.
ALTER TABLE imports ADD COLUMN opted_out BIGINT NOT NULL DEFAULT 0;

ALTER TABLE imports ADD COLUMN consent_refused BIGINT NOT NULL DEFAULT 0;
