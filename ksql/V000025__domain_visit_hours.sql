-- Visits that were led somewhere, by domain and hour (UTC): visits_by_link_hour for all links of a domain together.
-- Read by GET /api/visits and GET /api/visits?domain= (series).
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS domain_visit_hours
  WITH (KAFKA_TOPIC = 'domain-visits-by-link-hour', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END AS domain,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots
FROM visits
WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected'
GROUP BY CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END
EMIT CHANGES;
