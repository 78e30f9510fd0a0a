-- Visits that were led somewhere, by link and day (UTC), and about how many visitors without robots (HyperLogLog). What tells visitors apart changes each
-- day at midnight UTC, so a day is what visitors can be counted by.
-- Read by GET /api/links/{link}/visits, GET /api/visits?links= and ?tag=, and GET /api/links/{link}/verify.
-- It takes the place of the table of V000008, all of which stands here too.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '10485760';

DROP TABLE IF EXISTS visits_by_link_day;

CREATE TABLE IF NOT EXISTS visits_by_link_day
  WITH (KAFKA_TOPIC = 'visits-by-link-day', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  COUNT_DISTINCT(CASE WHEN NOT bot THEN visitor END) AS visitors
FROM visits
WINDOW TUMBLING (SIZE 1 DAY, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected'
GROUP BY link
EMIT CHANGES;
