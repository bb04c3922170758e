-- What failed since a time. Only a message that fails comes in here, and messages_failed names failed_at already, so that
-- no update is made dearer by it.
CREATE INDEX messages_failed_at ON messages (tenant_id, failed_at) WHERE failed_at IS NOT NULL;
