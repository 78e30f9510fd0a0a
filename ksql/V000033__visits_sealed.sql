-- The log of visits with the column that its events have gained: sealed. Columns come from the subject visits-value, which a gateway registers first.
-- Written by GET /{slug}; read by the statements above, and by GET /api/links/{link}/visits/live. They go on as they are: columns are only added, at the end.
CREATE OR REPLACE STREAM visits (link VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'visits', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO', TIMESTAMP = 'visited_at');
