-- Visits that were led somewhere, by original URL over all its links.
-- Read by GET /api/analytics?url=.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS visits_by_url
  WITH (KAFKA_TOPIC = 'visits-by-url', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  url,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  MIN(visited_at) AS first_visit,
  MAX(visited_at) AS last_visit
FROM visits
WHERE outcome = 'redirected'
GROUP BY url
EMIT CHANGES;
