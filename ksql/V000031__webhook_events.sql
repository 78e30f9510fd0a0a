-- The log of webhooks, as the gateway writes it. Columns come from the subject webhook-events-value.
-- Written by POST /api/webhooks and what follows it; read by the statement below, by no route.
CREATE STREAM IF NOT EXISTS webhook_events (id VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'webhook-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
