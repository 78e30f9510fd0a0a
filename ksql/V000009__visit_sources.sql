-- Where visits came from, by link, robots left out: about how many visitors (HyperLogLog; one visitor a day counts once), and a count
-- for each referrer, browser, os, device and country (HISTOGRAM counts the first 1,000 distinct values of a link).
-- Read by GET /api/links/{link}/visits.
-- Apart from the plain counts, because this state is rewritten whole at each event; cached on purpose, so that a burst is written once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '10485760';

CREATE TABLE IF NOT EXISTS visit_sources
  WITH (KAFKA_TOPIC = 'visit-sources', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  COUNT_DISTINCT(visitor) AS visitors,
  HISTOGRAM(IFNULL(referrer, '(direct)')) AS referrers,
  HISTOGRAM(browser) AS browsers,
  HISTOGRAM(os) AS systems,
  HISTOGRAM(device) AS devices,
  HISTOGRAM(IFNULL(country, '(unknown)')) AS countries
FROM visits
WHERE outcome = 'redirected' AND NOT bot
GROUP BY link
EMIT CHANGES;
