-- Links that an edit was ever scheduled for, and how many: few of many.
-- Read by GET /api/links?url=: a link may lead to a URL by an edit that has come due, of which links_by_url knows nothing.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS scheduled_links
  WITH (KAFKA_TOPIC = 'scheduled-links', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  COUNT(*) AS edits
FROM link_events
WHERE type = 'LinkEditScheduled'
GROUP BY link
EMIT CHANGES;
