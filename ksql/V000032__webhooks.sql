-- One row a webhook, as its last event left it; one that was deleted stays so.
-- Read by GET /api/webhooks, and by every gateway, which follows this table by push query.
-- Not cached, so that what is switched off stops at once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS webhooks
  WITH (KAFKA_TOPIC = 'webhooks', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  id,
  LATEST_BY_OFFSET(url) AS url,
  LATEST_BY_OFFSET(types) AS types,
  LATEST_BY_OFFSET(tags) AS tags,
  LATEST_BY_OFFSET(domains) AS domains,
  LATEST_BY_OFFSET(enabled) AS enabled,
  LATEST_BY_OFFSET(secret_generation) AS secret_generation,
  LATEST_BY_OFFSET(secret_since) AS secret_since,
  EARLIEST_BY_OFFSET(occurred_at) AS created_at,
  LATEST_BY_OFFSET(occurred_at) AS updated_at,
  LATEST_BY_OFFSET(IFNULL(reason, '')) AS reason,
  EARLIEST_BY_OFFSET(CASE WHEN type = 'WebhookDeleted' THEN occurred_at END) AS deleted_at
FROM webhook_events
GROUP BY id
EMIT CHANGES;
