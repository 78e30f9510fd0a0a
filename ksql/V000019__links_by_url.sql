-- Which links an event ever led to a URL, accepted or not: the 100 greatest by name, so that a URL with many links cannot grow the row without bound.
-- Read by GET /api/links?url=, which asks `links` what stands now, and scans where the row is full.
-- Not cached, so that a new link is found at once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS links_by_url
  WITH (KAFKA_TOPIC = 'links-by-url', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  doc->url AS url,
  TOPKDISTINCT(link, 100) AS links
FROM link_events
GROUP BY doc->url
EMIT CHANGES;
