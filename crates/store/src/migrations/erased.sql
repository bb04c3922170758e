-- What an erasure keeps is counted for its receipt.
CREATE INDEX erased_identities_erasure ON erased_identities (tenant_id, erasure_id);
