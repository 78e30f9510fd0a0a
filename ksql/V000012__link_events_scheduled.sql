-- The log of links with what LinkEvent has gained: valid_from, scheduled and reverted_to, inferred again from the subject link-events-value.
-- Columns are only appended, so what reads the stream goes on. Written by POST /api/links and every change after it; read by the statements below.
CREATE OR REPLACE STREAM link_events (link VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'link-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
