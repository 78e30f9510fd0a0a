-- On which link an event id was first written: an Idempotency-Key becomes the event's id, and the same key may not serve two links.
-- Read by POST /api/links with an Idempotency-Key.
SET 'auto.offset.reset' = 'earliest';

CREATE TABLE IF NOT EXISTS link_event_ids
  WITH (KAFKA_TOPIC = 'link-event-ids', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  event_id,
  EARLIEST_BY_OFFSET(link) AS link
FROM link_events
GROUP BY event_id
EMIT CHANGES;
