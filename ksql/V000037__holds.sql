-- The last hold that was asked for. Asked by every gateway once a second: it decides when visits of GET /{slug} are shipped. A rebuild leaves it as it is, since it
-- needs it.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS holds
  WITH (KAFKA_TOPIC = 'holds', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  scope,
  LATEST_BY_OFFSET(hold_id) AS hold_id,
  LATEST_BY_OFFSET(hold_seconds) AS hold_seconds
FROM hold_events
GROUP BY scope
EMIT CHANGES;
