-- Where reads go now; no row means to the views that stand. Asked by every gateway once a second, and by `linklog rebuild`.
-- It decides from which tables GET /api/links/{link}, and every other read, is answered; so it is the one view that a rebuild leaves as it is.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS view_reads
  WITH (KAFKA_TOPIC = 'view-reads', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  scope,
  LATEST_BY_OFFSET(reads) AS reads
FROM view_switches
GROUP BY scope
EMIT CHANGES;
