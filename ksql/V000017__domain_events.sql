-- The log of domains, as the gateway writes it. Columns come from the subject domain-events-value.
-- Written by PUT /api/domains/{host} and DELETE /api/domains/{host}; read by the statement below, and so by
-- GET /api/domains.
CREATE STREAM IF NOT EXISTS domain_events (host VARCHAR KEY)
  WITH (KAFKA_TOPIC = 'domain-events', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO');
