// CREATE STREAM and TABLE: what the metastore keeps of them, and what is refused.
import t from 'tap'
import { parseStatements } from '../../../../embedded/ksqldb/sql/parser.js'
import { createSource } from '../../../../embedded/ksqldb/plan/planner.js'
import type { CreatedSource } from '../../../../embedded/ksqldb/plan/planner.js'
import { Plans, messageOf, print } from './support.js'

function create (sql: string, plans = new Plans()): CreatedSource {
  const [parsed] = parseStatements(sql)
  if (parsed?.statement.node !== 'CreateSource') throw new Error('not CREATE')
  return createSource(parsed.statement, plans, { properties: plans.properties, sqlText: parsed.text })
}

t.test('a stream: key, values, headers, formats and the topic', async t => {
  const { source, topic } = create(`CREATE STREAM s (k STRING KEY, a INT, h BYTES HEADER('x'), at2 BIGINT)
    WITH (KAFKA_TOPIC='topic-s', VALUE_FORMAT='json', PARTITIONS=3, REPLICAS=1, RETENTION_MS=-1, TIMESTAMP='at2');`)
  t.equal(print(source.schema), "`K` STRING KEY, `A` INTEGER, `H` BYTES HEADER('x'), `AT2` BIGINT")
  t.match(source, { kind: 'STREAM', name: 'S', topic: 'topic-s', isSource: false, isCasTarget: false, timestampColumn: { column: 'AT2' } })
  t.same(source.formats, { key: { format: 'KAFKA', properties: {}, features: [] }, value: { format: 'JSON', properties: {}, features: [] } })
  t.same(topic, { name: 'topic-s', partitions: 3, replicas: 1, retentionMs: -1, cleanupPolicy: 'delete' })
})

t.test('a windowed table, single values wrapped as asked', async t => {
  const { source, topic } = create("CREATE TABLE w (k STRING PRIMARY KEY, n INT) WITH (KAFKA_TOPIC='w', FORMAT='JSON', WINDOW_TYPE='tumbling', WINDOW_SIZE='1 hour', WRAP_SINGLE_VALUE=false);")
  t.same(source.window, { type: 'TUMBLING', sizeMs: 3_600_000 })
  t.same(source.formats.value.features, ['UNWRAP_SINGLES'])
  t.same(source.formats.key.features, ['UNWRAP_SINGLES'])
  t.equal(topic.cleanupPolicy, 'compact,delete')
})

t.test('Avro keys are named after the source', async t => {
  const { source } = create("CREATE STREAM link_events (k STRING KEY, a INT) WITH (KAFKA_TOPIC='x', FORMAT='AVRO');")
  t.same(source.formats.key.properties, { fullSchemaName: 'io.confluent.ksql.avro_schemas.LinkEventsKey' })
})

t.test('refused', async t => {
  const cases: ReadonlyArray<readonly [sql: string, message: string]> = [
    ["CREATE STREAM s (a INT) WITH (VALUE_FORMAT='JSON');", 'Missing required property "KAFKA_TOPIC" which has no default value.'],
    ["CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='XML');", 'Unknown format: XML'],
    ["CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s');", "Statement is missing the 'VALUE_FORMAT' property from the WITH clause."],
    ["CREATE TABLE s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');", 'Tables require a PRIMARY KEY. Please define the PRIMARY KEY.'],
    ["CREATE STREAM s (k BOOLEAN KEY, a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');", "The 'KAFKA' format does not support type 'BOOLEAN'"],
    ["CREATE STREAM s (k INT KEY, a ARRAY<INT>) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='DELIMITED');", "The 'DELIMITED' format does not support type 'ARRAY', column: `A`"],
    ["CREATE STREAM s (k MAP<STRING, INT> KEY, a INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON');", 'Map keys, including types that contain maps, are not supported'],
    ["CREATE STREAM s (rowtime INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');", "'ROWTIME' is a reserved column name. You cannot use it as a name for a column."],
    ["CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON', VALUE_FORMAT='JSON');", "Cannot supply both 'VALUE_FORMAT' and 'FORMAT' properties"],
    ["CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='DELIMITED', VALUE_DELIMITER='ab');", "Configuration VALUE_DELIMITER is invalid: Invalid delimiter value: 'ab'."],
    ["CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', TIMESTAMP='nope');", "The TIMESTAMP column set in the WITH clause does not exist in the schema: 'NOPE'"],
    ["CREATE STREAM s (k INT KEY, a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', WINDOW_TYPE='HOPPING');", "HOPPING windows require 'WINDOW_SIZE' to be provided"],
    ["CREATE STREAM s (a INT, b INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', WRAP_SINGLE_VALUE=true);", "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas"],
    ["CREATE STREAM s (a INT HEADERS) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');", 'Invalid type for HEADERS column: expected ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>, got INTEGER']
  ]
  for (const [sql, message] of cases) t.match(messageOf(() => create(sql)), message, sql)
})

t.test('a name stands once, unless it is replaced', async t => {
  const plans = new Plans()
  plans.run("CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');")
  const again = "(a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"
  t.equal(messageOf(() => create(`CREATE STREAM s ${again}`, plans)), "Cannot add stream 'S': A stream with the same name already exists")
  t.equal(messageOf(() => create(`CREATE OR REPLACE STREAM s ${again}`, plans)), '')
  t.equal(messageOf(() => create(`CREATE OR REPLACE SOURCE STREAM s ${again}`, plans)), "Cannot add stream 'S': CREATE OR REPLACE is not supported on source streams.")
})
