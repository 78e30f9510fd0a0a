// Aggregates that read the rows of their source as they come: what they give, and what they tell of rows that they leave out, is what they give and
// tell where the rows are made first. The expected values are counted by hand.
import t from 'tap'
import { MemoryLog } from '../../../helpers/memory-log.js'
import { openStack, send } from './support.js'
import type { Stack } from './support.js'
import { testdir } from '../../../helpers/testdir.js'

const VISITS = "CREATE STREAM visits (k STRING KEY, page STRING, n INT, big BIGINT, bot BOOLEAN) WITH (KAFKA_TOPIC='visits', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=2);"
const ROWS = [
  { key: 'a', value: { page: 'x', n: 1, big: 10, bot: false } },
  { key: 'b', value: { page: 'y', n: 2, big: 9_007_199_254_740_992, bot: true } },
  { key: 'a', value: { page: 'y', n: 3, big: null, bot: null } },
  { key: 'b', value: { page: null, n: 4, big: 1, bot: false } },
  { key: 'a', value: { page: 'x', n: 0, big: 5, bot: true } }
]

async function stackOf (dataDir: string): Promise<{ stack: Stack, log: MemoryLog }> {
  const log = new MemoryLog()
  await log.createTopic({ name: 'visits', partitions: 2 })
  // Here the number becomes one that no double holds.
  const texts = ROWS.map(({ key, value }) => ({ key, value: JSON.stringify(value).replace('9007199254740992', '9007199254740993'), timestamp: 1_500, partition: key === 'a' ? 0 : 1 }))
  await send(log, 'visits', ...texts)
  return { log, stack: await openStack(log, dataDir) }
}

const tableOf = (stack: Stack, name: string): unknown[] => {
  const { id } = stack.engine.state.queries().find(query => query.id.includes(name))!
  return [...stack.runtime.query(id)!.table!.scan()].map(({ key, value, window }) => [...key, ...window === undefined ? [] : [window.start], ...value])
    .sort((a, b) => String(a[0]) < String(b[0]) ? -1 : 1)
}

for (const cache of ['10000000', '0']) {
  t.test(`by the key, by another column, by several, in windows, with a cache of ${cache} bytes`, async t => {
    const { stack } = await stackOf(testdir(t))
    t.teardown(() => stack.close())
    await stack.run(`${VISITS}
      CREATE TABLE by_key AS SELECT k, COUNT(*) AS c, SUM(big) AS s, MAX(n) AS m, HISTOGRAM(page) AS h FROM visits GROUP BY k;
      CREATE TABLE by_page AS SELECT page, COUNT(big) AS c, SUM(CASE WHEN bot THEN 1 ELSE 0 END) AS bots FROM visits WHERE n > 0 GROUP BY page;
      CREATE TABLE by_both WITH (KEY_FORMAT='JSON') AS SELECT k, page, SUM(n) AS s FROM visits GROUP BY k, page;
      CREATE TABLE by_hour AS SELECT page, COUNT(*) AS c FROM visits WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY page;
      CREATE TABLE by_text AS SELECT UCASE(page) AS p, COUNT(*) AS c FROM visits GROUP BY UCASE(page);`, { 'cache.max.bytes.buffering': cache })
    await stack.settled()
    t.strictSame(tableOf(stack, 'BY_KEY'), [
      ['a', 3n, 15n, 3, new Map([['x', 2n], ['y', 1n]])],
      ['b', 2n, 9_007_199_254_740_994n, 4, new Map([['y', 1n]])]
    ])
    t.strictSame(tableOf(stack, 'BY_PAGE'), [['x', 1n, 0], ['y', 1n, 1]], 'a CASE without bot is its ELSE')
    t.strictSame(tableOf(stack, 'BY_BOTH').map(row => (row as unknown[]).join()).sort(), ['a,x,1', 'a,y,3', 'b,y,2'])
    t.strictSame(tableOf(stack, 'BY_HOUR'), [['x', 1000, 2n], ['y', 1000, 2n]])
    t.strictSame(tableOf(stack, 'BY_TEXT'), [['X', 2n], ['Y', 2n]])
  })
}

t.test('what cannot be computed is told once, and so is a group key that is null', async t => {
  const { stack } = await stackOf(testdir(t))
  t.teardown(() => stack.close())
  await stack.run(`${VISITS} CREATE TABLE ratios AS SELECT page, SUM(100 / n) AS s, AVG(100 / n) AS a FROM visits GROUP BY page;`)
  await stack.run('CREATE TABLE sums AS SELECT page, SUM(100 / n) AS s FROM visits GROUP BY page;')
  await stack.settled()
  t.strictSame(tableOf(stack, 'RATIOS'), [['x', 100, 100], ['y', 83, 41.5]])
  t.strictSame(tableOf(stack, 'SUMS'), [['x', 100], ['y', 83]])
  for (const name of ['RATIOS', 'SUMS']) {
    const told = stack.errors.filter(({ queryId }) => queryId.includes(name)).map(({ logger, message, record }) => ({ logger, message, record }))
    t.equal(told.length, 2, name)
    const failed = told.find(({ message }) => message.startsWith('Error computing expression'))
    t.match(failed, { message: 'Error computing expression (100 / N) for column KSQL_INTERNAL_COL_2 with index 2' })
    const dropped = told.find(one => one !== failed)
    t.match(dropped, { message: 'Group-by column with index 0 resolved to null. The source row will be excluded from the table.' })
    t.match([(dropped?.record as unknown[])[0], (dropped?.record as unknown[]).at(-1)], [null, 25], 'the row with the key and what was computed')
  }
})

t.test('a query that reads more columns may come while others run', async t => {
  const { stack, log } = await stackOf(testdir(t))
  t.teardown(() => stack.close())
  await stack.run(`${VISITS} CREATE TABLE first AS SELECT k, COUNT(*) AS c FROM visits GROUP BY k;`)
  await stack.settled()
  await stack.run(`CREATE TABLE second AS SELECT k, SUM(n) AS s FROM visits GROUP BY k;
    CREATE STREAM copies AS SELECT k, page, bot FROM visits;`)
  await send(log, 'visits', { key: 'a', value: '{"page":"z","n":7}', timestamp: 2_000 })
  await stack.settled()
  t.strictSame(tableOf(stack, 'FIRST'), [['a', 4n], ['b', 2n]])
  t.strictSame(tableOf(stack, 'SECOND'), [['a', 11], ['b', 6]])
  await stack.run('DROP TABLE second;')
  await send(log, 'visits', { key: 'a', value: '{"page":"z","n":7}', timestamp: 2_000 })
  await stack.settled()
  t.strictSame(tableOf(stack, 'FIRST'), [['a', 5n], ['b', 2n]])
})
