-- That gateways hold the visits of GET /{slug} back in their spools for some seconds, so that the views can be compared while they stand still. Written by
-- `linklog rebuild`; read by the statement below. hold_seconds is 0 where the hold with that id is over.
CREATE STREAM IF NOT EXISTS hold_events (scope VARCHAR KEY, hold_id VARCHAR, hold_seconds INTEGER, asked_at VARCHAR)
  WITH (KAFKA_TOPIC = 'hold-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO', PARTITIONS = 1);
