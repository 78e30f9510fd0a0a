-- The acceptance rule as in V000002, with the new fields of the events; links goes first, because it reads this table, and is made again by V000014.
-- Read by every write to /api/links (which event won), GET /api/links/{link} at any version or instant, and GET /api/links/{link}/revisions.
--   revisions      the accepted events in order: version n of the link is revisions[n]
--   attempts       every event on the key in the order of the log, losers too
--   history_bytes  what the events of the key weigh, losers too, as JSON: the gateway refuses an edit before the row outgrows a Kafka record
-- The sink topic stays, so that what follows it keeps its last rows until the new ones have come.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

DROP TABLE IF EXISTS links;

DROP TABLE IF EXISTS link_revisions;

CREATE TABLE IF NOT EXISTS link_revisions
  WITH (KAFKA_TOPIC = 'link-revisions', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  REDUCE(
    COLLECT_LIST(STRUCT(
      event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, reason := reason,
      base_version := base_version, doc := doc, valid_from := valid_from, scheduled := scheduled, reverted_to := reverted_to)),
    FILTER(
      COLLECT_LIST(STRUCT(
        event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, reason := reason,
        base_version := base_version, doc := doc, valid_from := valid_from, scheduled := scheduled, reverted_to := reverted_to)),
      e => false),
    (accepted, e) =>
      CASE
        WHEN e->base_version = CAST(ARRAY_LENGTH(accepted) AS BIGINT) THEN ARRAY_CONCAT(accepted, ARRAY[e])
        ELSE accepted
      END
  ) AS revisions,
  COLLECT_LIST(STRUCT(
    event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, base_version := base_version)) AS attempts,
  SUM(CAST(LEN(TO_BYTES(TO_JSON_STRING(STRUCT(doc := doc, scheduled := scheduled, reason := reason)), 'utf8')) AS BIGINT)) AS history_bytes
FROM link_events
GROUP BY link
EMIT CHANGES;
