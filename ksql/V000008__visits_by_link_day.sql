-- Visits that were led somewhere, by link and day (UTC).
-- Read by GET /api/links/{link}/visits?by=day.
-- Windows are kept for ten years, and a visit that arrives late (a gateway that was cut off) still counts in its own day.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS visits_by_link_day
  WITH (KAFKA_TOPIC = 'visits-by-link-day', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots
FROM visits
WINDOW TUMBLING (SIZE 1 DAY, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected'
GROUP BY link
EMIT CHANGES;
