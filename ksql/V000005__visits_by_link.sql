-- Visits that were led somewhere, by link: all, and those not by robots; the first and the last.
-- Read by GET /api/links/{link}/visits, and by GET /{slug} of a link with maxVisits.
-- Plain counts only: small state, so that they keep up with any rate of visits. Pull queries see through the cache.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS visits_by_link
  WITH (KAFKA_TOPIC = 'visits-by-link', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  MIN(visited_at) AS first_visit,
  MAX(visited_at) AS last_visit
FROM visits
WHERE outcome = 'redirected'
GROUP BY link
EMIT CHANGES;
