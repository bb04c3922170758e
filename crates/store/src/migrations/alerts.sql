-- Figures by the hour (hours since 1970, UTC), moved in the commit that moves the rows that they count.
CREATE TABLE metric_hours (
    tenant_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    metric {text} NOT NULL,
    -- what the figure is parted by: a template, one of Meta's error codes; 0: nothing
    key BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hour, metric, key)
){clustered};

-- What was there before is counted here once.
INSERT INTO metric_hours (tenant_id, hour, metric, key, count)
SELECT m.tenant_id, COALESCE(m.sent_at, m.delivered_at, m.read_at) / 3600000000, k.metric,
       COALESCE(m.template_id, 0), COUNT(*)
FROM messages m CROSS JOIN (SELECT 'sent' AS metric UNION ALL SELECT 'delivered' UNION ALL SELECT 'read') AS k
WHERE m.direction = 'outbound' AND COALESCE(m.sent_at, m.delivered_at, m.read_at) IS NOT NULL
  AND (k.metric = 'sent' OR m.read_at IS NOT NULL OR (k.metric = 'delivered' AND m.delivered_at IS NOT NULL))
GROUP BY 1, 2, 3, 4;

INSERT INTO metric_hours (tenant_id, hour, metric, key, count)
SELECT m.tenant_id, COALESCE(m.sent_at, m.delivered_at, m.read_at, m.failed_at) / 3600000000, 'failed',
       COALESCE(m.template_id, 0), COUNT(*)
FROM messages m WHERE m.direction = 'outbound' AND m.status = 'failed' AND m.failed_at IS NOT NULL
GROUP BY 1, 2, 3, 4;

INSERT INTO metric_hours (tenant_id, hour, metric, key, count)
SELECT m.tenant_id, COALESCE(m.sent_at, m.delivered_at, m.read_at, m.failed_at) / 3600000000, 'errors',
       COALESCE({failure_code}, 0), COUNT(*)
FROM messages m WHERE m.direction = 'outbound' AND m.status = 'failed' AND m.failed_at IS NOT NULL
GROUP BY 1, 2, 3, 4;

INSERT INTO metric_hours (tenant_id, hour, metric, key, count)
SELECT m.tenant_id, m.created_at / 3600000000, 'received', 0, COUNT(*)
FROM messages m WHERE m.direction = 'inbound' GROUP BY 1, 2, 3, 4;

INSERT INTO metric_hours (tenant_id, hour, metric, key, count)
SELECT c.tenant_id, c.at / 3600000000, CASE c.kind WHEN 'opt_in' THEN 'opt_ins' ELSE 'opt_outs' END, 0, COUNT(*)
FROM consent_records c WHERE c.kind IN ('opt_in', 'opt_out') GROUP BY 1, 2, 3, 4;

ALTER TABLE alerts ADD COLUMN acknowledged_by {text};

-- What happened to alerts.
CREATE TABLE alert_events (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    alert_id BIGINT NOT NULL,
    happened {text} NOT NULL,
    at BIGINT NOT NULL,
    by_whom {text},
    PRIMARY KEY (tenant_id, id)
){clustered};

CREATE INDEX alert_events_alert ON alert_events (tenant_id, alert_id, id);

-- Rules that a tenant changed; all others are as usual.
CREATE TABLE alert_rules (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    rule {text} NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
){clustered};

-- What things were when they were last compared with what they are.
CREATE TABLE alert_marks (
    tenant_id BIGINT NOT NULL,
    subject {text} NOT NULL,
    mark {text} NOT NULL,
    PRIMARY KEY (tenant_id, subject)
){clustered};

CREATE TABLE alert_channels (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    kind {text} NOT NULL,
    shown {text} NOT NULL,
    address {blob} NOT NULL,
    secret {blob},
    -- 0: info, 1: warning, 2: critical
    min_severity BIGINT NOT NULL,
    kinds {text} NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delivered_at BIGINT,
    error {text},
    error_at BIGINT,
    PRIMARY KEY (tenant_id, id)
){clustered};

-- What is to be told on which channel.
CREATE TABLE alert_deliveries (
    tenant_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- until when nobody else may tell it
    taken_until BIGINT NOT NULL,
    -- told, or given up
    settled_at BIGINT,
    error {text},
    PRIMARY KEY (tenant_id, channel_id, event_id)
){clustered};

CREATE INDEX alert_deliveries_due ON alert_deliveries (due_at) WHERE settled_at IS NULL;
CREATE INDEX alert_deliveries_settled ON alert_deliveries (settled_at) WHERE settled_at IS NOT NULL;
