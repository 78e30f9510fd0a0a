-- About how many visitors a domain had on a day (UTC), without robots: visits_by_link_day for all links of a domain together, one who visits two links counted once.
-- Read by GET /api/visits and GET /api/visits?domain=.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '10485760';

CREATE TABLE IF NOT EXISTS domain_visit_days
  WITH (KAFKA_TOPIC = 'domain-visits-by-link-day', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END AS domain,
  COUNT_DISTINCT(visitor) AS visitors
FROM visits
WINDOW TUMBLING (SIZE 1 DAY, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected' AND NOT bot
GROUP BY CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END
EMIT CHANGES;
