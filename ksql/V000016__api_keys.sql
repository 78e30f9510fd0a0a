-- One row an API key. Its first event says what it is; the first that revokes it ends it, and nothing brings it back.
-- Read by GET /api/keys, and by every gateway, which holds the keys in memory and follows this table by push query.
-- Not cached, so that a revoked key is refused everywhere at once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS api_keys
  WITH (KAFKA_TOPIC = 'api-keys', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  id,
  EARLIEST_BY_OFFSET(name) AS name,
  EARLIEST_BY_OFFSET(secret_sha256) AS secret_sha256,
  EARLIEST_BY_OFFSET(scopes) AS scopes,
  EARLIEST_BY_OFFSET(domains) AS domains,
  EARLIEST_BY_OFFSET(tags) AS tags,
  EARLIEST_BY_OFFSET(expires_at) AS expires_at,
  EARLIEST_BY_OFFSET(occurred_at) AS created_at,
  EARLIEST_BY_OFFSET(actor) AS created_by,
  EARLIEST_BY_OFFSET(CASE WHEN type = 'ApiKeyRevoked' THEN occurred_at END) AS revoked_at,
  EARLIEST_BY_OFFSET(CASE WHEN type = 'ApiKeyRevoked' THEN actor END) AS revoked_by
FROM api_key_events
GROUP BY id
EMIT CHANGES;
