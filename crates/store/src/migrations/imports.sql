-- A list of contacts on its way in. The file lies in the imports folder until the import has ended.
CREATE TABLE imports (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    state {text} NOT NULL,
    filename {text},
    -- how the file is read and what its columns mean, as the engine writes it
    plan {text} NOT NULL,
    -- below the imports folder
    file {text} NOT NULL,
    -- bytes
    size BIGINT NOT NULL,
    created_by BIGINT,
    -- who works on it, and until when others leave it alone
    holder {text} NOT NULL,
    held_until BIGINT NOT NULL,
    -- the last row of the file that was dealt with; moved in the commit that writes what the row became
    cursor_row BIGINT NOT NULL,
    bytes_read BIGINT NOT NULL,
    processed BIGINT NOT NULL,
    imported BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    -- where the present run began
    run_at BIGINT NOT NULL,
    run_processed BIGINT NOT NULL,
    failure {text},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX imports_open ON imports (held_until) WHERE state = 'running';

-- Rows that did not become contacts, and why.
CREATE TABLE import_rows (
    tenant_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    -- as a person sees it in the file: the first line is 1
    row_number BIGINT NOT NULL,
    phone {text} NOT NULL,
    error {text} NOT NULL,
    -- the original row, a JSON array of texts
    cells {text} NOT NULL,
    PRIMARY KEY (tenant_id, import_id, row_number)
){clustered};
