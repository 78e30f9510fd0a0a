-- The log of what happened to links, as the gateway writes it. Columns come from the subject link-events-value.
-- Written by POST and PATCH /api/links; read by the statements below, by no route.
CREATE STREAM IF NOT EXISTS link_events (link VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'link-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
