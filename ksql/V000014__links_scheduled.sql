-- One row a link: its current state, flattened from its last revision, and the edits that lie ahead. A key on which no event was accepted has no row.
-- Read by GET /{slug} (on a cache miss by pull query; the cache follows it by push query).
-- scheduled is that of the last revision whose writer knew of scheduled edits. What of it has come due is for the reader to apply: no row changes then.
-- Not cached, so that a change reaches the redirects at once.
SET 'auto.offset.reset' = 'earliest';
SET 'cache.max.bytes.buffering' = '0';

CREATE TABLE IF NOT EXISTS links
  WITH (KAFKA_TOPIC = 'links', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO') AS
SELECT
  link,
  CAST(ARRAY_LENGTH(revisions) AS BIGINT) AS version,
  revisions[-1]->event_id AS event_id,
  revisions[1]->occurred_at AS created_at,
  revisions[-1]->occurred_at AS updated_at,
  revisions[-1]->doc->url AS url,
  revisions[-1]->doc->title AS title,
  revisions[-1]->doc->tags AS tags,
  revisions[-1]->doc->enabled AS enabled,
  revisions[-1]->doc->deleted AS deleted,
  revisions[-1]->doc->valid_from AS valid_from,
  revisions[-1]->doc->valid_until AS valid_until,
  revisions[-1]->doc->max_visits AS max_visits,
  revisions[-1]->doc->redirect_status AS redirect_status,
  revisions[-1]->doc->forward_query AS forward_query,
  revisions[-1]->doc->rules AS rules,
  FILTER(revisions, r => r->scheduled IS NOT NULL)[-1]->scheduled AS scheduled
FROM link_revisions
WHERE ARRAY_LENGTH(revisions) > 0
EMIT CHANGES;
