// Broken requests of all kinds to the REST server: always an answer in ksqlDB's shape, never a crash, never a second of work.
import { connect, type ClientHttp2Session } from 'node:http2'
import { Pool } from 'undici'
import t, { type Test } from 'tap'
import { openStack, ksql, type Stack } from './support.js'
import { randomFrom } from '../../helpers/random.js'

const COUNT = Number(process.env['FUZZ_BODIES'] ?? 4_000)
/** Statements that happen to be right make streams and queries: a new stack now and then keeps their number small. */
const STACK_REQUESTS = 1_000
/** Processor time, since others may use the machine too. */
const MS_MAX = 1_000
/** An answer that is still open then is one of a push query, and is closed. */
const OPEN_MS_MAX = 40
const HANG_MS_MAX = 30_000

const SETUP = `
  CREATE STREAM s (k VARCHAR KEY, a BIGINT, b DOUBLE, c ARRAY<STRING>, d STRUCT<x INT, y DECIMAL(6, 2)>, m MAP<STRING, INT>) WITH (KAFKA_TOPIC='s', PARTITIONS=2, VALUE_FORMAT='JSON');
  CREATE TABLE n AS SELECT k, COUNT(*) AS total, SUM(a) AS sum_a, COLLECT_LIST(b) AS bs FROM s GROUP BY k EMIT CHANGES;
  CREATE TABLE w AS SELECT k, COUNT(*) AS total FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k EMIT CHANGES;
  INSERT INTO s (k, a, b, c, d, m) VALUES ('x', 1, 2.5, ARRAY['p', 'q'], STRUCT(x := 1, y := 3.25), MAP('z' := 7));`
const QUERIES = [
  'SELECT k, total, bs[1] FROM n WHERE k = \'x\';',
  'SELECT * FROM n WHERE k IN (\'x\', \'y\') AND total > 0 LIMIT 3;',
  'SELECT k, WINDOWSTART, WINDOWEND, total FROM w WHERE k = \'x\' AND WINDOWSTART >= 0 AND WINDOWEND < \'2030-01-01T00:00:00\';',
  'SELECT k, a + b, c[1], d->y, TRANSFORM(c, e => UCASE(e)), CASE WHEN a > 1 THEN \'p\' ELSE k END FROM s;',
  'SELECT k, REDUCE(m, 0, (p, q, r) => q + r), CAST(d->y AS VARCHAR), SUBSTRING(k, 1, 2), REGEXP_EXTRACT(\'(.*)x\', k, 1) FROM s EMIT CHANGES LIMIT 1;',
  'SELECT COUNT_DISTINCT(a) AS p, HISTOGRAM(k) AS q, d->x FROM s WINDOW HOPPING (SIZE 2 DAYS, ADVANCE BY 1 DAY) WHERE k LIKE \'%\' GROUP BY d->x HAVING COUNT(*) > 0 EMIT CHANGES LIMIT 1;',
  'SELECT s.k, n.total, ARRAY_JOIN(s.c, \',\'), FORMAT_TIMESTAMP(FROM_UNIXTIME(s.a), \'yyyy\'), EXTRACTJSONFIELD(\'{"a":1}\', \'$.a\') FROM s LEFT JOIN n ON s.k = n.k EMIT CHANGES LIMIT 1;'
]
const STATEMENTS = [
  ...QUERIES,
  'INSERT INTO s (k, a, d) VALUES (\'y\', -9223372036854775808, STRUCT(x := 2147483647, y := 9999.99));',
  'DESCRIBE n EXTENDED; SHOW QUERIES; LIST ALL TOPICS EXTENDED; EXPLAIN SELECT * FROM s EMIT CHANGES;',
  'CREATE STREAM t AS SELECT k, a, EXPLODE(c) AS e FROM s WHERE a BETWEEN 1 AND 3 PARTITION BY k EMIT CHANGES;',
  'CREATE TABLE j AS SELECT n.k AS k, n.total, o.sum_a FROM n JOIN n o ON n.k = o.k EMIT CHANGES;',
  'CREATE OR REPLACE STREAM u (k INT KEY, v BYTES, h BYTES HEADER(\'h\'), z TIMESTAMP) WITH (KAFKA_TOPIC=\'u\', PARTITIONS=1, FORMAT=\'AVRO\', TIMESTAMP=\'z\');',
  'SET \'auto.offset.reset\' = \'earliest\'; DEFINE v = \'k\'; SELECT $' + '{v} FROM s; UNDEFINE v;',
  'ALTER STREAM s ADD COLUMN q INT; DROP TABLE IF EXISTS j DELETE TOPIC; PAUSE ALL; RESUME ALL;',
  'PRINT \'s\' FROM BEGINNING INTERVAL 2 LIMIT 1;',
  'ASSERT TOPIC s WITH (PARTITIONS=2) TIMEOUT 0 SECONDS; ASSERT NOT EXISTS SCHEMA SUBJECT \'x\' TIMEOUT 0 SECONDS;'
]
const PIECES = [
  ...new Set(STATEMENTS.join(' ').match(/\w+|'[^']*'|[^\s\w]+/g)), '\'', '`', '"', '/*', '--', '\u0000', '\ud800', 'é', '${', '1e400', '99999999999999999999', '((((', '->->',
  'CAST(NULL AS ARRAY<ARRAY<INT>>)', 'NULL', 'ROWTIME', 'AS_VALUE(', 'WINDOWSTART', '-1', '0', '[0]', '[99999999999]'
]
const VALUES = ['null', '0', '-1', '1e999', '""', '"x"', '[]', '{}', '[[[[]]]]', '{"a":{"b":[]}}', 'true', '"\\ud800"', '123456789012345678901234567890']
const MEMBERS = ['ksql', 'sql', 'streamsProperties', 'properties', 'sessionVariables', 'queryId', 'target', 'commandSequenceNumber', 'requestProperties', '__proto__', 'constructor']
const PATHS = ['/ksql', '/query-stream', '/query', '/ksql', '/query-stream']
const RARE_PATHS = ['/close-query', '/inserts-stream', '/status/x', '/is_valid_property/%', '/nope', '/info']
const ACCEPTS = ['application/json', 'application/vnd.ksqlapi.delimited.v1', 'application/vnd.ksql.v1+json', '*/*', 'nonsense', 'text/html;q=0.1, */*;q=2']
const PROPERTIES = ['{}', '{"auto.offset.reset":"earliest"}', '{"auto.offset.reset":5}', '{"x":{}}', '{"ksql.query.pull.table.scan.enabled":false}', '{"processing.guarantee":"no"}']

class Fuzz {
  readonly next: () => number

  constructor (seed: number) { this.next = randomFrom(seed) }

  pick <T> (list: readonly T[]): T { return list[Math.floor(this.next() * list.length)] as T }

  sql (statements: readonly string[]): string {
    let text = this.next() < 0.02 ? '' : this.pick(statements)
    for (let edits = Math.floor(this.next() * 4); edits > 0; edits--) {
      const at = Math.floor(this.next() * (text.length + 1))
      const kind = this.next()
      // Most often a word or two for others: what still parses goes farthest.
      if (kind < 0.75) text = text.replace(/(?<=\w.*)\w+/g, word => this.next() < 0.04 ? this.pick(PIECES) : word)
      else if (kind < 0.85) text = `${text.slice(0, at)} ${this.pick(PIECES)} ${text.slice(at)}`
      else if (kind < 0.9) text = text.slice(0, at) + text.slice(at + Math.floor(this.next() * 12))
      else if (kind < 0.97) text = text.slice(0, at) + this.pick(STATEMENTS).slice(Math.floor(this.next() * 60))
      else text = text.slice(0, at) + this.pick(['(', '[', 'ARRAY[', 'NOT ', '-', 'CASE WHEN ', '1+']).repeat(Math.floor(this.next() * 3000)) + text.slice(at)
    }
    return text
  }

  body (path: string): Buffer {
    const member = path === '/query-stream' ? 'sql' : path === '/close-query' ? 'queryId' : 'ksql'
    const sql = (): string => this.sql(path.startsWith('/query') ? QUERIES : STATEMENTS)
    const kind = this.next()
    if (kind < 0.8) {
      const settings = this.next() < 0.2 ? { [member === 'sql' ? 'properties' : 'streamsProperties']: JSON.parse(this.pick(PROPERTIES)) as unknown } : {}
      return Buffer.from(JSON.stringify({ [member]: sql(), ...settings }))
    }
    if (kind < 0.93) {
      const members = Array.from({ length: Math.floor(this.next() * 5) }, () =>
        `${JSON.stringify(this.next() < 0.5 ? member : this.pick(MEMBERS))}:${this.next() < 0.3 ? JSON.stringify(sql()) : this.pick(VALUES)}`)
      return Buffer.from(`{${members.join(',')}}`)
    }
    if (kind < 0.94) return Buffer.from('['.repeat(Math.floor(this.next() * 50_000)))
    const bytes = Buffer.from(JSON.stringify({ [member]: sql() }))
    for (let i = 0; i < 4; i++) bytes[Math.floor(this.next() * bytes.length)] = Math.floor(this.next() * 256)
    return bytes.subarray(0, Math.floor(this.next() * (bytes.length + 1)))
  }

  /** What a client may write to /inserts-stream, line by line. */
  inserts (): string {
    const rows = Array.from({ length: Math.floor(this.next() * 4) }, () => this.next() < 0.7
      ? `{"k":"x",${JSON.stringify(this.pick(['a', 'b', 'c', 'd', 'm', 'A', '`a`', 'nope', 'ROWTIME']))}:${this.pick(VALUES)}}`
      : this.pick(VALUES))
    return [this.next() < 0.8 ? '{"target":"s"}' : this.pick(['{"target":"n"}', '{"target":5}', '{}', '', 'x', '{"target":"`"}']), ...rows].join('\n')
  }
}

interface Reply { readonly status: number, readonly text: string, readonly ended: boolean }

async function post (pool: Pool, path: string, method: 'POST' | 'GET' | 'PUT', accept: string, body: Buffer): Promise<Reply> {
  const response = await pool.request({
    method, path, headers: { 'content-type': 'application/json', accept }, ...(method === 'GET' ? {} : { body }), headersTimeout: HANG_MS_MAX, bodyTimeout: HANG_MS_MAX
  })
  let text = ''
  let open = true
  const timer = setTimeout(() => { if (open && response.statusCode === 200) response.body.destroy() }, path.startsWith('/query') ? OPEN_MS_MAX : HANG_MS_MAX)
  try {
    for await (const chunk of response.body) text += String(chunk)
    open = false
  } catch (error) {
    if (response.statusCode !== 200) throw error
  } finally {
    clearTimeout(timer)
  }
  return { status: response.statusCode, text, ended: !open }
}

async function insert (session: ClientHttp2Session, body: string): Promise<Reply> {
  const stream = session.request({ ':method': 'POST', ':path': '/inserts-stream', 'content-type': 'application/json' })
  let status = 0
  stream.on('response', head => { status = Number(head[':status']) })
  stream.setTimeout(HANG_MS_MAX, () => stream.destroy(new Error('No answer')))
  stream.end(body)
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status, text, ended: true }
}

/** Words of JavaScript in an answer are those of a fault in the engine. */
const FAULT = /Cannot read prop|is not a function|is not iterable|Maximum call stack|\[object |Invalid array length|Cannot convert|Cannot mix BigInt|is not defined|Cannot destructure/

/** What is wrong with an answer; undefined where nothing is. */
function wrongWith ({ status, text, ended }: Reply): string | undefined {
  if (FAULT.test(text)) return 'a fault of the engine'
  if (status === 200 || status === 307) return undefined
  if (status === 404 && text.startsWith('<html>')) return undefined
  if ((status === 405 || status === 404) && text === '') return undefined
  if (!ended) return 'the answer does not end'
  let body: any
  try {
    body = JSON.parse(text)
  } catch {
    return 'no JSON'
  }
  if (body['@type'] === undefined && Array.isArray(body)) return undefined
  if (!['generic_error', 'statement_error'].includes(body['@type'])) return 'no ksqlDB error'
  if (Math.floor(body.error_code / 100) !== status) return 'an error code that is not the status'
  if (status >= 500 && body.error_code !== 50300) return 'an internal error'
  return typeof body.message === 'string' ? undefined : 'no message'
}

interface Server { readonly stack: Stack, readonly pool: Pool, readonly session: ClientHttp2Session }

async function open (): Promise<Server> {
  const stack = await openStack()
  await ksql(stack, SETUP)
  const session = connect(stack.url)
  session.on('error', () => {}) // told by the stream that is open
  return { stack, pool: new Pool(stack.url, { connections: 2, pipelining: 1 }), session }
}

async function close ({ stack, pool, session }: Server): Promise<void> {
  session.destroy()
  await pool.destroy()
  await stack.destroy()
}

async function fuzzOne (t: Test, fuzz: Fuzz, { pool, session }: Server): Promise<number> {
  const overHttp2 = fuzz.next() < 0.1
  const path = overHttp2 ? '/inserts-stream' : fuzz.pick(fuzz.next() < 0.95 ? PATHS : RARE_PATHS)
  const method = fuzz.next() < 0.95 ? 'POST' : fuzz.pick(['GET', 'PUT'] as const)
  const body = overHttp2 ? Buffer.from(fuzz.inserts()) : fuzz.body(path)
  const before = process.cpuUsage()
  let reply: Reply
  try {
    reply = overHttp2 ? await insert(session, body.toString()) : await post(pool, path, method, fuzz.pick(ACCEPTS), body)
  } catch (error) {
    t.fail(`no answer: ${String(error)}`, { path, method, body: body.toString().slice(0, 1000) })
    return 0
  }
  const used = process.cpuUsage(before)
  const ms = (used.user + used.system) / 1000
  const wrong = wrongWith(reply) ?? (ms > MS_MAX ? `${Math.round(ms)} ms of work` : undefined)
  if (wrong !== undefined) t.fail(wrong, { path, method, body: body.toString().slice(0, 1500), status: reply.status, answer: reply.text.slice(0, 600) })
  return ms
}

t.setTimeout(120_000 + COUNT * 100)

t.test(`${COUNT} broken requests`, async t => {
  t.setTimeout(120_000 + COUNT * 100)
  const fuzz = new Fuzz(Number(process.env['FUZZ_SEED'] ?? 1))
  let server = await open()
  t.teardown(async () => { await close(server) })
  let slowest = 0
  for (let i = 0; i < COUNT; i++) {
    if (i % STACK_REQUESTS === STACK_REQUESTS - 1) {
      await close(server)
      server = await open()
    }
    slowest = Math.max(slowest, await fuzzOne(t, fuzz, server))
  }
  t.comment(`the slowest took ${slowest.toFixed(0)} ms of processor time`)
  const health = await fetch(`${server.stack.url}/healthcheck`)
  t.match(await health.json(), { isHealthy: true }, 'and the server is well')
})
