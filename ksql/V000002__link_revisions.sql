-- The acceptance rule: an event counts when its base_version equals the number of revisions accepted before it on its link.
-- Read by POST and PATCH /api/links (which event won), GET /api/links/{link} and GET /api/links/{link}/revisions.
--   revisions  the accepted events in order: version n of the link is revisions[n]
--   attempts   every event on the key in the order of the log, losers too: why an event was ignored is its base_version against
--              the revisions accepted before it
-- The empty FILTER is there for its type alone: an empty array of the event struct to start from.
-- The output is not cached: writers wait for this table, and links reads it. Cached, a change would wait for the commit interval.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS link_revisions
  WITH (KAFKA_TOPIC = 'link-revisions', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  REDUCE(
    COLLECT_LIST(STRUCT(
      event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, reason := reason,
      base_version := base_version, doc := doc)),
    FILTER(
      COLLECT_LIST(STRUCT(
        event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, reason := reason,
        base_version := base_version, doc := doc)),
      e => false),
    (accepted, e) =>
      CASE
        WHEN e->base_version = CAST(ARRAY_LENGTH(accepted) AS BIGINT) THEN ARRAY_CONCAT(accepted, ARRAY[e])
        ELSE accepted
      END
  ) AS revisions,
  COLLECT_LIST(STRUCT(
    event_id := event_id, type := type, occurred_at := occurred_at, actor := actor, base_version := base_version)) AS attempts
FROM link_events
GROUP BY link
EMIT CHANGES;
