-- One row an erasure: who asked for it, when and why, of which days, and how much it reached.
-- Read by GET /api/erasures.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS erasures
  WITH (KAFKA_TOPIC = 'erasures', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  id,
  EARLIEST_BY_OFFSET(type) AS type,
  EARLIEST_BY_OFFSET(occurred_at) AS occurred_at,
  EARLIEST_BY_OFFSET(actor) AS actor,
  EARLIEST_BY_OFFSET(reason) AS reason,
  EARLIEST_BY_OFFSET(link) AS link,
  EARLIEST_BY_OFFSET(period_from) AS period_from,
  EARLIEST_BY_OFFSET(period_to) AS period_to,
  EARLIEST_BY_OFFSET(visits) AS visits,
  EARLIEST_BY_OFFSET(links) AS links,
  EARLIEST_BY_OFFSET(unsealed) AS unsealed
FROM erasure_events
GROUP BY id
EMIT CHANGES;
