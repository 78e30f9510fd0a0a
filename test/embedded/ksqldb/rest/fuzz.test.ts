import { Agent, request } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { ksql, openStack, type Stack } from '../support.js'
import { randomFrom } from '../../../helpers/random.js'

const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 3000)
const MS_MAX = 1000

const EXPRESSIONS = ['k', 'n', 'm', 'a', 'o', 'o->f', 'a[1]', "m['x']", '1', "'x'", 'NULL', 'true', '1.5', '1e3', 'COUNT(*)', 'SUM(n)', 'n + 1', "k || 'x'", 'n / 0', 'UCASE(k)',
  'TRANSFORM(a, x => x + n)', 'REDUCE(m, 0, (k1, v, s) => s + v)', 'CASE WHEN n > 1 THEN k ELSE n END', 'CAST(k AS INT)', 'ARRAY[n, k]', 'STRUCT(f := n)',
  'k LIKE n', 'n IN (1, k)', 'n BETWEEN k AND 2', 'NOT n', '-k', 'ROWTIME', 'WINDOWSTART', 'EXPLODE(a)', 'NOPE(n)', 'nope', 's.k', 'x.k', 'ROWOFFSET', 'HISTOGRAM(k)', 'TOPK(n, k)']
const CLAUSES = ['', ' GROUP BY k', ' GROUP BY n, k', ' PARTITION BY n', ' WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k', ' JOIN c ON s.k = c.k', ' LEFT JOIN s z WITHIN 1 HOUR ON s.k = z.k',
  ' HAVING COUNT(*) > 1', ' LIMIT 1', ' LIMIT -1', ' EMIT FINAL', ' WHERE nope = 1']

function statement (next: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const select = `SELECT ${pick(EXPRESSIONS)}, ${pick(EXPRESSIONS)} FROM ${pick(['s', 'c', 'nope'])}${next() < 0.5 ? ` WHERE ${pick(EXPRESSIONS)} = ${pick(EXPRESSIONS)}` : ''}${pick(CLAUSES)}`
  return pick([`${select};`, `EXPLAIN ${select} EMIT CHANGES;`, `EXPLAIN CREATE TABLE x AS ${select};`, `INSERT INTO s (k, n) VALUES (${pick(EXPRESSIONS)}, ${pick(EXPRESSIONS)});`,
    `CREATE TABLE bad WITH (${pick(["VALUE_FORMAT='XML'", 'PARTITIONS=-1', "NOPE='x'", 'WRAP_SINGLE_VALUE=1', "TIMESTAMP='nope'"])}) AS ${select};`,
    `DESCRIBE ${pick(['s', 'nope', 'FUNCTION UCASE'])};`, `SET '${pick(['a', 'ksql.nope', 'auto.offset.reset'])}'='x';`])
}

function body (next: () => number): string {
  const sql = statement(next)
  const whole = JSON.stringify({ ksql: sql, sql, streamsProperties: {}, properties: {} })
  const kind = next()
  if (kind < 0.7) return whole
  if (kind < 0.85) return whole.slice(0, Math.floor(next() * whole.length))
  return whole.replace(/[{}",:[\]]/g, mark => next() < 0.1 ? '' : mark)
}

async function ask (stack: Stack, agent: Agent, path: string, text: string): Promise<{ status: number, text: string }> {
  const asked = request(stack.url + path, { method: 'POST', agent, headers: { 'content-type': 'application/json', accept: 'application/json' } })
  asked.end(text)
  const [response] = await once(asked, 'response')
  let answer = ''
  for await (const chunk of response) answer += String(chunk)
  return { status: response.statusCode, text: answer }
}

t.test(`${COUNT} requests, most of them wrong: always an answer, in ksqlDB's shape, in time`, async t => {
  const stack = await openStack()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(async () => {
    agent.destroy()
    await stack.destroy()
  })
  await ksql(stack, `CREATE STREAM s (k VARCHAR KEY, n INT, m MAP<VARCHAR, INT>, a ARRAY<INT>, o STRUCT<f INT>) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');
    CREATE TABLE c AS SELECT k, COUNT(*) AS n, LATEST_BY_OFFSET(m) AS m, LATEST_BY_OFFSET(a) AS a, LATEST_BY_OFFSET(o) AS o FROM s GROUP BY k;`)
  const next = randomFrom(2)
  const counts: Record<number, number> = {}
  let slowest = 0
  for (let i = 0; i < COUNT; i++) {
    const path = ['/ksql', '/query', '/query-stream'][i % 3] as string
    const text = body(next)
    const start = performance.now()
    const answer = await ask(stack, agent, path, text)
    const took = performance.now() - start
    slowest = Math.max(slowest, took)
    if (took > MS_MAX) t.fail(`${took} ms for ${path} ${text}`)
    counts[answer.status] = (counts[answer.status] ?? 0) + 1
    let parsed: { '@type'?: string, message?: string } = {}
    try {
      parsed = JSON.parse(answer.text)
    } catch {
      t.fail(`no JSON: ${answer.text} for ${path} ${text}`)
    }
    if (answer.status !== 200 && (answer.status >= 500 || !/^(?:generic|statement)_error$/.test(parsed['@type'] ?? ''))) t.fail(`${answer.status} ${answer.text} for ${path} ${text}`)
  }
  t.ok((counts[200] ?? 0) > 0 && (counts[400] ?? 0) > 0, JSON.stringify({ counts, slowest }))
})
