-- What was asked for and not there: by slug and why, how often, and when first and last.
-- Read by GET /api/orphans.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS orphans
  WITH (KAFKA_TOPIC = 'orphans', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CONCAT(link, '|', outcome) AS orphan,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  MIN(visited_at) AS first_visit,
  MAX(visited_at) AS last_visit
FROM visits
WHERE outcome <> 'redirected'
GROUP BY CONCAT(link, '|', outcome)
EMIT CHANGES;
