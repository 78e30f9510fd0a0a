// What a query cannot process: it stands in the processing log with its place and cause, is counted, and the query goes on or stops as ksqlDB's does.
import t from 'tap'
import { ProcessingLog, processingLogConfig } from '../../../embedded/ksqldb/engine/processing-log.js'
import { encodeBatch } from '../../../embedded/records/batch.js'
import { MemoryLog } from '../../helpers/memory-log.js'
import { until } from '../../helpers/until.js'
import { ksql, openStack, rows } from './support.js'
import type { Stack } from './support.js'

const AUTO_CREATE = { 'ksql.logging.processing.topic.auto.create': 'true', 'ksql.logging.processing.stream.auto.create': 'true' }

async function append (stack: Stack, topic: string, values: readonly string[]): Promise<void> {
  const records = values.map((value, i) => ({ timestamp: i, key: Buffer.from(`k${i}`), value: Buffer.from(value) }))
  await stack.log.partition(topic, 0)!.append(encodeBatch(records))
}

const LOGGED = `SELECT logger, level, message->type AS type, message->deserializationError AS d, message->recordProcessingError AS r, message->productionError AS p,
  message->serializationError AS s, message->kafkaStreamsThreadError AS t FROM KSQL_PROCESSING_LOG;`

async function logged (stack: Stack, count: number): Promise<unknown[][]> {
  return await until(`${count} entries of the processing log`, async () => {
    const found = await rows(stack, LOGGED) as unknown[][]
    return found.length >= count ? found : undefined
  })
}

t.test('a record that cannot be read, and an expression that fails', async t => {
  const stack = await openStack(undefined, AUTO_CREATE)
  t.teardown(() => stack.destroy())
  await ksql(stack, `CREATE STREAM visits (k STRING KEY, at_text STRING, n INT) WITH (KAFKA_TOPIC='visits', PARTITIONS=1, VALUE_FORMAT='JSON');
    CREATE STREAM parsed AS SELECT k, PARSE_TIMESTAMP(at_text, 'yyyy-MM-dd') AS day, 10 / n AS share FROM visits WHERE n >= 0;
    CREATE TABLE per_text AS SELECT at_text, COUNT(*) AS c FROM visits GROUP BY at_text;`)
  await append(stack, 'visits', ['{"AT_TEXT": "2026-01-02", "N": 5}', '{"AT_TEXT": "never", "N": 2}', 'no JSON', '{"N": 0}', '{"AT_TEXT": "2026-01-03", "N": 1}'])
  const entries = await logged(stack, 5)
  const of = (logger: string): unknown[][] => entries.filter(([name]) => String(name).startsWith(logger))
  t.ok(entries.every(([, level]) => level === 'ERROR'))

  const [unread] = of('processing.CSAS_PARSED_2.KsqlTopic.Source.deserializer')
  t.equal(unread?.[2], 0)
  t.match(unread?.[3], { TARGET: 'value', topic: 'visits', RECORDB64: null, ERRORMESSAGE: /^Failed to deserialize value from topic: visits\. / })
  t.equal(of('processing.CTAS_PER_TEXT_3.KsqlTopic.Source.deserializer').length, 1)

  const failed = of('processing.CSAS_PARSED_2.Project').map(entry => entry[4] as { ERRORMESSAGE: string, RECORD: unknown, CAUSE: string[] })
  t.same(failed.map(one => one.ERRORMESSAGE.replace(/^Error computing expression .* for column /, '')).sort(),
    ['DAY with index 0', 'SHARE with index 1'])
  t.ok(failed.every(one => one.RECORD === null && one.CAUSE.length > 0))

  const [nullGroup] = of('processing.CTAS_PER_TEXT_3.Aggregate.GroupBy')
  t.match(nullGroup?.[4], { ERRORMESSAGE: 'Group-by column with index 0 resolved to null. The source row will be excluded from the table.' })

  // an error is told at once, what was made of the other records with the query's next commit
  t.same(await until('what could be read', async () => {
    const read = await rows(stack, 'SELECT k, day FROM parsed WHERE day IS NOT NULL;')
    return read.length >= 2 && read
  }), [['k0', '2026-01-02T00:00:00.000'], ['k4', '2026-01-03T00:00:00.000']])
  const description = (await ksql(stack, 'DESCRIBE visits EXTENDED;')).body[0].sourceDescription
  t.match(description.errorStats, /consumer-failed-messages: +\d+ +last-failed: /)
  t.match(description.clusterErrorStats, [{ name: 'consumer-failed-messages', value: entries.length }])
})

t.test('rows are in it only where the setting says so', async t => {
  const stack = await openStack(undefined, { ...AUTO_CREATE, 'ksql.logging.processing.rows.include': 'true', 'ksql.logging.processing.topic.name': 'errors' })
  t.teardown(() => stack.destroy())
  await ksql(stack, `CREATE STREAM visits (n INT, m MAP<STRING, DOUBLE>) WITH (KAFKA_TOPIC='visits', PARTITIONS=1, VALUE_FORMAT='JSON');
    CREATE STREAM shares AS SELECT 10 / n AS share, m FROM visits;`)
  await append(stack, 'visits', ['{"N": 0, "M": {"a": 1.5}}', '!'])
  const entries = await logged(stack, 2)
  t.equal(stack.log.partition('errors', 0)?.logEndOffset, 2)
  const processing = entries.find(entry => entry[4] !== null)?.[4] as { RECORD: string }
  t.same(JSON.parse(processing.RECORD).slice(0, 2), [0, { a: 1.5 }])
  t.match(entries.find(entry => entry[3] !== null)?.[3], { RECORDB64: Buffer.from('!').toString('base64') })
})

t.test('without the settings there is neither topic nor stream', async t => {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  t.equal(stack.log.describeTopic('default_ksql_processing_log'), undefined)
  t.same((await ksql(stack, 'SHOW STREAMS;')).body[0].streams, [])
})

t.test('a sum beyond its DECIMAL stops the query: it is tried again, and its error is shown', async t => {
  const stack = await openStack(undefined, AUTO_CREATE)
  t.teardown(() => stack.destroy())
  await ksql(stack, `CREATE STREAM sales (k STRING KEY, price DECIMAL(4, 1)) WITH (KAFKA_TOPIC='sales', PARTITIONS=1, VALUE_FORMAT='JSON');
    CREATE TABLE totals AS SELECT 'all' AS one, SUM(price) AS total FROM sales GROUP BY 'all';`)
  await append(stack, 'sales', ['{"PRICE": 999.0}', '{"PRICE": 0.9}'])
  await until('the sum', async () => (await rows(stack, 'SELECT total FROM totals;')).length === 1)
  t.same(await rows(stack, 'SELECT total FROM totals;'), [[999.9]])
  await append(stack, 'sales', ['{"PRICE": 0.1}'])
  const entry = (await until('the failure', async () => (await rows(stack, LOGGED) as unknown[][]).find(one => one[2] === 4))) as unknown[]
  t.equal(entry[0], 'processing.CTAS_TOTALS_2')
  t.match(entry[7], { ERRORMESSAGE: 'Unhandled exception caught in streams thread', THREADNAME: /^_confluent-ksql-default_query_CTAS_TOTALS_2.*-StreamThread-1$/ })
  t.match((entry[7] as { CAUSE: string[] }).CAUSE.join('\n'), /^Exception caught in process\. taskId=0_0, .*topic=sales, partition=0, offset=2.*\nNumeric field overflow/)
  const [explained] = (await ksql(stack, 'EXPLAIN CTAS_TOTALS_2;')).body
  t.match(explained.queryDescription, { state: 'ERROR', queryErrors: [{ type: 'UNKNOWN', errorMessage: /Numeric field overflow/ }] })
  t.match((await ksql(stack, 'SHOW QUERIES;')).body[0].queries, [{ id: 'CTAS_TOTALS_2', state: 'ERROR', statusCount: { ERROR: 1 } }])
  t.same(await rows(stack, 'SELECT total FROM totals;'), [[999.9]], 'what was committed can still be asked for')
})

t.test('a timestamp that cannot be had skips the record, or stops the query', async t => {
  const stack = await openStack(undefined, AUTO_CREATE)
  t.teardown(() => stack.destroy())
  await ksql(stack, `CREATE STREAM events (k STRING KEY, happened STRING) WITH (KAFKA_TOPIC='events', PARTITIONS=1, VALUE_FORMAT='JSON',
      TIMESTAMP='happened', TIMESTAMP_FORMAT='yyyy-MM-dd');
    CREATE STREAM lenient AS SELECT * FROM events;
    SET 'ksql.timestamp.throw.on.invalid'='true';
    CREATE STREAM strict AS SELECT * FROM events;`)
  await append(stack, 'events', ['{"HAPPENED": "2026-03-01"}', '{"HAPPENED": "soon"}', '{"HAPPENED": "2026-03-02"}'])
  t.same(await until('both rows', async () => {
    const found = await rows(stack, 'SELECT k FROM lenient;')
    return found.length === 2 && found
  }), [['k0'], ['k2']])
  const entries = await until('three entries', async () => {
    const found = await rows(stack, LOGGED) as unknown[][]
    return found.some(one => one[2] === 4) && found
  })
  t.match(entries.find(one => one[0] === 'processing.CSAS_LENIENT_2.KsqlTopic.Source')?.[4], { ERRORMESSAGE: 'Failed to extract timestamp from row' })
  t.match((await ksql(stack, 'EXPLAIN CSAS_STRICT_3;')).body[0].queryDescription, { state: 'ERROR', queryErrors: [{ errorMessage: /TimestampExtractor/ }] })
})

t.test('a flood is bounded, and told of', async t => {
  const log = new MemoryLog()
  const told: string[] = []
  let now = 1_000_000
  const quiet = (): void => {}
  const processingLog = new ProcessingLog({
    log, config: processingLogConfig(AUTO_CREATE), clock: () => now, logger: { info: quiet, warn: message => told.push(message), error: quiet }
  })
  await processingLog.open()
  const error = { logger: 'processing.Q', level: 'ERROR', type: 'PRODUCTION_ERROR', message: 'x'.repeat(1_000_000), queryId: 'Q', cause: [] } as const
  for (let i = 0; i < 10_000; i++) processingLog.add(error)
  await processingLog.flush()
  const first = log.partition('default_ksql_processing_log', 0)!.logEndOffset
  t.ok(first >= 100 && first <= 1000, `${first} of 10,000`)
  now += 1000
  for (let i = 0; i < 10_000; i++) processingLog.add(error)
  await processingLog.flush()
  t.ok(log.partition('default_ksql_processing_log', 0)!.logEndOffset - first <= 200)
  t.ok(told.some(message => message.startsWith(`${10_000 - first} more processing errors`)))
  t.ok(told.every(message => message.length < 20_000))
})
