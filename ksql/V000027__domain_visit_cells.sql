-- What visits of a domain were like, by quarter of an hour: visit_cells for all links of a domain together, without version and rule, which say nothing
-- beyond one link, and in 64 shares.
-- Read by GET /api/visits and GET /api/visits?domain= with filters, a breakdown, or a zone that is not whole hours from UTC.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '10485760';

CREATE TABLE IF NOT EXISTS domain_visit_cells
  WITH (KAFKA_TOPIC = 'domain-visit-cells', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CONCAT(CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END, '|', CAST(ROWTIME % 64 AS VARCHAR)) AS share,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  HISTOGRAM(CONCAT(
    '||', URL_ENCODE_PARAM(referrer), '|', URL_ENCODE_PARAM(browser), '|', URL_ENCODE_PARAM(os), '|',
    URL_ENCODE_PARAM(device), '|', URL_ENCODE_PARAM(country), '|', URL_ENCODE_PARAM(language), '|', CASE WHEN bot THEN '1' ELSE '0' END)) AS cells
FROM visits
WINDOW TUMBLING (SIZE 15 MINUTES, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected'
GROUP BY CONCAT(CASE WHEN INSTR(link, '/') > 0 THEN SUBSTRING(link, 1, INSTR(link, '/') - 1) ELSE '-' END, '|', CAST(ROWTIME % 64 AS VARCHAR))
EMIT CHANGES;
