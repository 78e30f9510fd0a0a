-- Every request for a short link, as the gateway writes it. Columns come from the subject visits-value; windows go by visited_at.
-- Written by GET /{slug}; read by the statements below, by no route.
CREATE STREAM IF NOT EXISTS visits (link VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'visits', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO', TIMESTAMP = 'visited_at');
