-- Visits by link and hour (UTC): those that were led somewhere, those of them not by robots; and where in the log the visits of that hour lie,
-- whatever they were answered: how many, the first, and the last 64 of them.
-- Read by GET /api/links/{link}/visits (series), GET /api/visits?links= and ?tag=, GET /api/links/{link}/visits/events, and GET /api/links/{link}/verify.
-- Requests for slugs that nobody has are not among them: they would make a row each, and stand in orphans.
-- Windows are kept for ten years, and a visit that arrives late (a gateway that was cut off) still counts in its own hour.
-- It takes the place of the table of V000007, all of which stands here too.
SET 'auto.offset.reset' = 'earliest';

DROP TABLE IF EXISTS visits_by_link_hour;

CREATE TABLE IF NOT EXISTS visits_by_link_hour
  WITH (KAFKA_TOPIC = 'visits-by-link-hour', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  SUM(CASE WHEN outcome = 'redirected' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS total,
  SUM(CASE WHEN outcome = 'redirected' AND NOT bot THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS without_bots,
  COUNT(*) AS records,
  MIN(ROWOFFSET) AS first_offset,
  LATEST_BY_OFFSET(ROWOFFSET, 64) AS latest_offsets
FROM visits
WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 3650 DAYS, GRACE PERIOD 3640 DAYS)
WHERE outcome <> 'not_found'
GROUP BY link
EMIT CHANGES;
