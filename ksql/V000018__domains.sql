-- One row a domain that was ever set: its last event counts, and says whether it is still served. version is the number of its events.
-- Read by GET /api/domains, and by every gateway, which holds the domains in memory and follows this table by push query.
-- Not cached, so that a new domain is served everywhere at once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS domains
  WITH (KAFKA_TOPIC = 'domains', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  host,
  COUNT(*) AS version,
  LATEST_BY_OFFSET(type) AS type,
  EARLIEST_BY_OFFSET(occurred_at) AS created_at,
  LATEST_BY_OFFSET(occurred_at) AS updated_at,
  LATEST_BY_OFFSET(actor) AS actor,
  LATEST_BY_OFFSET(default_url, false) AS default_url,
  LATEST_BY_OFFSET(not_found_url, false) AS not_found_url
FROM domain_events
GROUP BY host
EMIT CHANGES;
