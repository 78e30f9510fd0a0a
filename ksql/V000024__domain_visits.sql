-- Visits that were led somewhere, by domain: all, those not by robots, the first and the last. The default domain, whose links have no host, is '-'.
-- Read by GET /api/visits (which domains there are, and their totals).
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS domain_visits
  WITH (KAFKA_TOPIC = 'domain-visits', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END AS domain,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  MIN(visited_at) AS first_visit,
  MAX(visited_at) AS last_visit
FROM visits
WHERE outcome = 'redirected'
GROUP BY CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END
EMIT CHANGES;
