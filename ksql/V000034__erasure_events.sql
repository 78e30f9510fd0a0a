-- The log of erasures, as the gateway writes it. Columns come from the subject erasure-events-value.
-- Written by DELETE /api/links/{link}/visits and POST /api/erasures; read by the statement below, by no route.
CREATE STREAM IF NOT EXISTS erasure_events (id VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'erasure-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
