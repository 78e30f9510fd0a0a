-- The log of API keys, as the gateway and the command line write it. Columns come from the subject api-key-events-value.
-- Written by POST /api/keys and DELETE /api/keys/{id}; read by the statement below, by no route.
CREATE STREAM IF NOT EXISTS api_key_events (id VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'api-key-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
