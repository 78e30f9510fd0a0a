-- To which side reads go while the views are made again from the log: 'twin' or 'standing'. Written by `linklog rebuild`; read by the statement below. It
-- decides from which tables GET /api/links/{link}, and every other read, is answered.
CREATE STREAM IF NOT EXISTS view_switches (scope VARCHAR KEY, reads VARCHAR, switched_at VARCHAR)
  WITH (KAFKA_TOPIC = 'view-switches', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO', PARTITIONS = 1);
