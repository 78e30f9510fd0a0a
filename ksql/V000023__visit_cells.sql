-- What visits that were led somewhere were like, by link and quarter of an hour: how many came for each combination of version, rule, referrer, browser, os,
-- device, country, language and bot, each percent-encoded and with | between them. Any zone's days, any filter and any breakdown are sums of these.
-- Read by GET /api/links/{link}/visits and GET /api/visits?links= and ?tag= with filters, a breakdown, or a zone that is not whole hours from UTC.
-- The key is the link and one of 16 shares (by the visit's millisecond): HISTOGRAM takes 1,000 combinations a row and is rewritten as it grows. What one of
-- them leaves out is the difference to total and without_bots, and is told as (other).
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '10485760';

CREATE TABLE IF NOT EXISTS visit_cells
  WITH (KAFKA_TOPIC = 'visit-cells', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  CONCAT(link, '|', CAST(ROWTIME % 16 AS VARCHAR)) AS share,
  COUNT(*) AS total,
  SUM(CASE WHEN bot THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS without_bots,
  HISTOGRAM(CONCAT(
    CAST(version AS VARCHAR), '|', CAST(rule AS VARCHAR), '|', URL_ENCODE_PARAM(referrer), '|', URL_ENCODE_PARAM(browser), '|', URL_ENCODE_PARAM(os), '|',
    URL_ENCODE_PARAM(device), '|', URL_ENCODE_PARAM(country), '|', URL_ENCODE_PARAM(language), '|', CASE WHEN bot THEN '1' ELSE '0' END)) AS cells
FROM visits
WINDOW TUMBLING (SIZE 15 MINUTES, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome = 'redirected'
GROUP BY CONCAT(link, '|', CAST(ROWTIME % 16 AS VARCHAR))
EMIT CHANGES;
