import t, { type Test } from 'tap'
import { encodeBatch } from '../../../../embedded/records/batch.js'
import { COMMAND_TOPIC } from '../../../../embedded/ksqldb/engine/command-topic.js'
import { caughtUp, ksql, openStack, rows, type Stack } from '../support.js'

const STREAM = "CREATE STREAM clicks (code VARCHAR KEY, url VARCHAR, ms BIGINT) WITH (KAFKA_TOPIC='clicks', PARTITIONS=2, VALUE_FORMAT='JSON');"
const TABLE = 'CREATE TABLE by_code AS SELECT code, COUNT(*) AS n FROM clicks GROUP BY code EMIT CHANGES;'

async function open (t: Test): Promise<Stack> {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  return stack
}

async function message (stack: Stack, sql: string): Promise<string> {
  const { body } = await ksql(stack, sql)
  return Array.isArray(body) ? body[0]?.commandStatus?.message ?? body[0]?.message ?? 'no message' : body.message
}

const names = (listed: any): string[] => listed.body[0][listed.body[0]['@type']].map((item: { name: string }) => item.name)

t.test('a table follows what is inserted', async t => {
  const stack = await open(t)
  t.match(await ksql(stack, STREAM + TABLE), { status: 200, body: [{ commandStatus: { message: 'Stream created' } }, { commandStatus: { queryId: 'CTAS_BY_CODE_1' } }] })
  t.match(await ksql(stack, "INSERT INTO clicks VALUES ('a', 'u', 1); INSERT INTO clicks (ms, code) VALUES (2, 'a');"), { status: 200, body: [] })
  await caughtUp(stack)
  t.same(await rows(stack, "SELECT * FROM by_code WHERE code='a';"), [['a', 2]])
  t.same(await rows(stack, "SELECT * FROM by_code WHERE code='b';"), [])
  t.same(await rows(stack, 'SELECT code, url, ms FROM clicks;'), [['a', 'u', 1], ['a', null, 2]])
})

t.test('a request of which one statement cannot be is not carried out at all', async t => {
  const stack = await open(t)
  const refused = await ksql(stack, `${STREAM} CREATE TABLE x AS SELECT nope FROM clicks GROUP BY code;`)
  t.match(refused, { status: 400, body: { '@type': 'statement_error', error_code: 40001, message: /SELECT column 'NOPE' cannot be resolved/ } })
  t.same(names(await ksql(stack, 'SHOW STREAMS;')), [])
  t.equal(stack.log.describeTopic('clicks'), undefined, 'not even the topic was made')
})

t.test('a start replays the command topic: same sources, same query ids, state kept', async t => {
  const first = await openStack()
  await ksql(first, `${STREAM} CREATE TYPE addr AS STRUCT<a INT>; ${TABLE} CREATE STREAM gone AS SELECT * FROM clicks; DROP STREAM gone;`)
  await ksql(first, "INSERT INTO clicks VALUES ('a', 'u', 1);")
  await caughtUp(first)
  await first.close()
  const second = await openStack(first)
  t.teardown(() => second.destroy())
  t.same(names(await ksql(second, 'SHOW STREAMS;')), ['CLICKS'])
  t.same(second.server.engine.state.queries().map(query => query.id), ['CTAS_BY_CODE_2'])
  t.match((await ksql(second, 'SHOW TYPES;')).body, [{ types: { ADDR: { type: 'STRUCT' } } }])
  t.same(await rows(second, "SELECT n FROM by_code WHERE code='a';"), [[1]])
  await ksql(second, "INSERT INTO clicks VALUES ('a', 'u', 1);")
  await caughtUp(second)
  t.same(await rows(second, "SELECT n FROM by_code WHERE code='a';"), [[2]])
})

t.test('a command that was kept but not carried out is carried out by the next start; one that cannot be is left out', async t => {
  const first = await openStack()
  await ksql(first, STREAM)
  await first.close()
  const command = (statement: string): { timestamp: number, key: Buffer, value: Buffer } => ({
    timestamp: 0, key: Buffer.from('"x"'), value: Buffer.from(JSON.stringify({ statement, streamsProperties: { 'auto.offset.reset': 'earliest' }, version: 1 }))
  })
  await first.log.partition(COMMAND_TOPIC, 0)?.append(encodeBatch([
    command('CREATE TABLE broken AS SELECT nope FROM nothing;'), { timestamp: 0, key: null, value: Buffer.from('{not json') }, command(TABLE)
  ]))
  const second = await openStack(first)
  t.teardown(() => second.destroy())
  t.same(second.server.engine.state.queries().map(query => query.id), ['CTAS_BY_CODE_3'])
  await ksql(second, "INSERT INTO clicks VALUES ('a', 'u', 1);")
  await caughtUp(second)
  t.same(await rows(second, "SELECT n FROM by_code WHERE code='a';"), [[1]])
})

// Messages as ksqlDB 7.9.1 gave them, or as its classes DdlCommandExec, DropSourceFactory and CustomExecutors write them.
t.test('statements that change sources, types and queries', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM + TABLE)
  const cases: [string, string][] = [
    [STREAM, "Cannot add stream 'CLICKS': A stream with the same name already exists"],
    [STREAM.replace('STREAM', 'STREAM IF NOT EXISTS'), 'Cannot add stream `CLICKS`: A stream with the same name already exists.'],
    ['DROP STREAM clicks;', 'Cannot drop CLICKS.\nThe following streams and/or tables read from this source: [BY_CODE].\nYou need to drop them before dropping CLICKS.'],
    ['DROP TABLE clicks;', 'Incompatible data source type is STREAM, but statement was DROP TABLE'],
    ['DROP STREAM nope;', 'Stream NOPE does not exist.'],
    ['DROP STREAM IF EXISTS nope;', 'Source `NOPE` does not exist.'],
    ['ALTER STREAM clicks ADD COLUMN ok BOOLEAN;', 'Stream CLICKS altered.'],
    ['ALTER STREAM clicks ADD COLUMN ok BOOLEAN;', 'Cannot add column `OK` to schema. A column with the same name already exists.'],
    ['ALTER TABLE by_code ADD COLUMN x INT;', 'ALTER command is not supported for CREATE ... AS statements.'],
    ['CREATE TYPE a AS STRUCT<b INT>;', "Registered custom type with name 'A' and SQL type STRUCT<`B` INTEGER>"],
    ['CREATE TYPE a AS INT;', "Cannot register custom type 'A' since it is already registered with type: STRUCT<`B` INTEGER>"],
    ['DROP TYPE a;', "Dropped type 'A'"],
    ['DROP TYPE a;', 'Type A does not exist.'],
    ['TERMINATE nope;', 'Unknown queryId: NOPE'],
    ['PAUSE ctas_by_code_1;', 'Query paused.'],
    ['RESUME ALL;', 'Query resumed.'],
    ['TERMINATE ctas_by_code_1;', 'Query terminated.'],
    ['DROP TABLE by_code DELETE TOPIC;', 'Source `BY_CODE` (topic: BY_CODE) was dropped.'],
    ['DROP STREAM clicks;', 'Source `CLICKS` (topic: clicks) was dropped.']
  ]
  for (const [sql, text] of cases) t.equal(await message(stack, sql), text, sql)
  t.equal(stack.log.describeTopic('BY_CODE'), undefined)
  t.ok(stack.log.describeTopic('clicks'))
})

t.test('queries that insert hold their sources', async t => {
  const stack = await open(t)
  await ksql(stack, `${STREAM} CREATE STREAM sink (code VARCHAR KEY, url VARCHAR, ms BIGINT) WITH (KAFKA_TOPIC='sink', PARTITIONS=1, VALUE_FORMAT='JSON');`)
  t.equal(await message(stack, 'INSERT INTO sink SELECT * FROM clicks;'), 'Created query with ID INSERTQUERY_2')
  t.match(await message(stack, 'DROP STREAM sink;'), /^Cannot drop SINK\.\nThe following queries read from this source: \[\]\.\nThe following queries write into this source: \[INSERTQUERY_2\]/)
  await ksql(stack, "INSERT INTO clicks VALUES ('a', 'u', 1);")
  await caughtUp(stack)
  t.same(await rows(stack, 'SELECT * FROM sink;'), [['a', 'u', 1]])
  await ksql(stack, 'TERMINATE INSERTQUERY_2; DROP STREAM sink;')
  t.same(names(await ksql(stack, 'SHOW STREAMS;')), ['CLICKS'])
})

t.test('SET counts for the statements behind it in the same request, and for no other', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  await ksql(stack, "INSERT INTO clicks VALUES ('a', 'u', 1);")
  await ksql(stack, `${TABLE.replace('by_code', 'late')} SET 'auto.offset.reset'='earliest'; ${TABLE.replace('by_code', 'early')}
    UNSET 'auto.offset.reset'; ${TABLE.replace('by_code', 'late2')}`, {})
  await caughtUp(stack)
  t.same(await rows(stack, 'SELECT * FROM early;'), [['a', 1]])
  t.same(await rows(stack, 'SELECT * FROM late;'), [])
  t.same(await rows(stack, 'SELECT * FROM late2;'), [])
  t.match((await ksql(stack, "SET 'auto.offset.reset'='sometime';")).body, { error_code: 40001 })
})

t.test('columns come from the registry where the statement names none', async t => {
  const stack = await open(t)
  await stack.log.createTopic({ name: 'visits', partitions: 1 })
  const schema = JSON.stringify({ type: 'record', name: 'Visit', fields: [{ name: 'url', type: 'string' }, { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } }] })
  t.match(await message(stack, "CREATE STREAM v (link VARCHAR KEY) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='AVRO');"),
    /^Schema for message values on topic 'visits' does not exist in the Schema Registry\.\nSubject: visits-value\n/)
  await stack.registry.register('visits-value', { schema })
  const created = await ksql(stack, "CREATE STREAM v (link VARCHAR KEY) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='AVRO');")
  t.equal(created.body[0].statementText,
    "CREATE STREAM V (LINK STRING KEY, URL STRING, `AT` TIMESTAMP) WITH (CLEANUP_POLICY='delete', KAFKA_TOPIC='visits', KEY_FORMAT='KAFKA', VALUE_FORMAT='AVRO');")
})

t.test('INSERT VALUES refuses what does not fit', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  const cases: [string, RegExp][] = [
    ["INSERT INTO nope VALUES ('a');", /^Cannot insert values into an unknown stream\/table: `NOPE`/],
    ["INSERT INTO clicks (code, x) VALUES ('a', 1);", /^Failed to insert values into 'CLICKS'\. Column name `X` does not exist\.$/],
    ["INSERT INTO clicks (code, ms) VALUES ('a', 'x');", /^Failed to insert values into 'CLICKS'\. Expected type BIGINT for field `MS` but got STRING\(x\)$/],
    ["INSERT INTO clicks VALUES ('a');", /^Failed to insert values into 'CLICKS'\. Expected a value for each column\./],
    ['INSERT INTO clicks (code) VALUES (url);', /Unsupported column reference in insert value: URL$/]
  ]
  for (const [sql, text] of cases) t.match(await message(stack, sql), text, sql)
})
