import { existsSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { KsqlClient } from '../../../gateway/ksqldb/client.js'
import { readLines } from '../../../gateway/ksqldb/lines.js'
import { fakeKsqldb, json, refusal, rows, type Respond } from './fake-server.js'

const transcripts = new URL('../../../../shared/transcripts/ksqldb-7.9.jsonl', import.meta.url)

const start = async (t: Test, respond: Respond, more = {}) => {
  const server = await fakeKsqldb(t, respond)
  const client = new KsqlClient({ url: server.url, pullTimeoutMs: 2_000, ...more })
  t.teardown(async () => await client.close())
  return { client, asked: server.asked }
}

t.test('a pull query: rows in order, none for a missing key, always with its Accept', async t => {
  const { client, asked } = await start(t, (one, response) => rows(response, ['CODE', 'N'], one.body.sql.includes("'a'") ? [['a', 3], ['a', null]] : []))
  t.strictSame(await client.pull("SELECT code, n FROM t WHERE code = 'a';"), { columnNames: ['CODE', 'N'], rows: [['a', 3], ['a', null]] })
  t.strictSame((await client.pull("SELECT code, n FROM t WHERE code = 'b';")).rows, [])
  t.match(asked[0], { method: 'POST', path: '/query-stream', accept: 'application/vnd.ksqlapi.delimited.v1', body: { properties: {} } })
})

t.test('the recorded pull queries of the real server', { skip: existsSync(transcripts) ? false : '../shared/transcripts is not here' }, async t => {
  const recorded = readFileSync(transcripts, 'utf8').trim().split('\n').map(line => JSON.parse(line))
    .filter(({ group, request }) => (group === 'pull' || group === 'query errors') && request.path === '/query-stream')
  t.ok(recorded.length > 20)
  for (const { request, response } of recorded) {
    const { client } = await start(t, (one, answer) => {
      answer.writeHead(response.status, { 'content-type': response.contentType }).end(response.body)
    })
    if (response.status === 200) {
      const lines = response.body.trim().split('\n').map((line: string) => JSON.parse(line))
      t.strictSame(await client.pull(request.body.sql), { columnNames: lines[0].columnNames, rows: lines.slice(1) }, request.body.sql)
    } else {
      const { error_code: errorCode, message } = JSON.parse(response.body)
      await t.rejects(client.pull(request.body.sql), { name: 'KsqlError', status: response.status, errorCode, message }, request.body.sql)
    }
  }
})

t.test('an answer comes in any pieces, with empty lines between; an error may follow rows', async t => {
  const { client } = await start(t, (one, response) => {
    const answer = Buffer.from(one.body.sql.includes('bad')
      ? '{"queryId":"q","columnNames":["A"]}\n["1"]\n{"@type":"generic_error","error_code":50000,"message":"lost on the way"}\n'
      : '{"queryId":"q","columnNames":["A"]}\r\n["é\\n\u2028"]\n\n\n[null]\n\n')
    response.writeHead(200)
    const next = (at: number): void => {
      if (at === answer.length) response.end()
      else response.write(answer.subarray(at, at + 1), () => setImmediate(next, at + 1))
    }
    next(0)
  })
  t.strictSame(await client.pull('SELECT a FROM t;'), { columnNames: ['A'], rows: [['é\n\u2028'], [null]] })
  await t.rejects(client.pull('SELECT a FROM bad;'), { name: 'KsqlError', errorCode: 50000, message: 'lost on the way' })
})

t.test('an answer that is cut off or does not come in time is an error', async t => {
  const { client } = await start(t, (one, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"queryId":"q","columnNames":["A"]}\n')
    if (one.body.sql.includes('cut')) setTimeout(() => response.destroy(), 20)
  })
  await t.rejects(client.pull('SELECT a FROM cut;', 500))
  await t.rejects(client.pull('SELECT a FROM late;', 500), { code: 'UND_ERR_BODY_TIMEOUT' })
})

t.test('lookups follow each other on two connections before they are answered, and each gets its own answer', async t => {
  const waiting: Array<() => void> = []
  const sockets = new Set<unknown>()
  const { client } = await start(t, (one, response) => {
    sockets.add(response.req.socket)
    waiting.push(() => rows(response, ['A'], [[one.body.sql]]))
    if (waiting.length === 4) for (const answer of waiting.splice(0).reverse()) answer()
  })
  for (let round = 0; round < 3; round++) {
    const asked = [1, 2, 3, 4].map(n => `SELECT a FROM t WHERE a = '${round}-${n}';`)
    t.strictSame(await Promise.all(asked.map(async sql => (await client.lookUp(sql)).rows)), asked.map(sql => [[sql]]))
  }
  t.equal(sockets.size, 2, 'all four were asked before one was answered')
})

t.test('a lookup behind one whose connection breaks is asked again on another', async t => {
  let broken: unknown
  const { client } = await start(t, (one, response) => {
    if (one.body.sql.includes('breaks')) {
      broken = response.req.socket
      response.req.socket.destroy()
    } else if (response.req.socket !== broken) rows(response, ['A'], [[one.body.sql]])
  })
  const asked = ['breaks', 'behind', 'beside', 'last'].map(what => `SELECT a FROM t WHERE a = '${what}';`)
  const [first, ...others] = await Promise.allSettled(asked.map(async sql => (await client.lookUp(sql)).rows))
  t.match(first, { status: 'rejected', reason: { code: 'UND_ERR_SOCKET' } })
  t.strictSame(others, asked.slice(1).map(sql => ({ status: 'fulfilled', value: [[sql]] })))
})

t.test('what passes by itself is asked again; a refusal is not', async t => {
  const passing = [
    'Materialized data for key [a] is not available yet. Please try again later.',
    'Cannot determine which host contains the required partitions to serve the pull query.'
  ]
  const queue = [...passing]
  const { client, asked } = await start(t, (one, response) => {
    const message = queue.shift()
    if (message === undefined) rows(response, ['A'], [['done']])
    else refusal(response, message)
  })
  t.strictSame((await client.pull('SELECT a FROM t;')).rows, [['done']])
  t.equal(asked.length, 3)
  queue.push('NOPE does not exist.')
  await t.rejects(client.pull('SELECT a FROM nope;'), { errorCode: 40001, message: 'NOPE does not exist.' })
  t.equal(asked.length, 4)
})

t.test('asking again ends with the time-out', async t => {
  const { client } = await start(t, (one, response) => refusal(response, 'Materialized data for key [a] is not available yet.'), { pullTimeoutMs: 60 })
  await t.rejects(client.pull('SELECT a FROM t;'), { message: /not available yet/ })
})

t.test('a statement waits until it was carried out', async t => {
  const states = ['EXECUTING', 'SUCCESS']
  const { client, asked } = await start(t, (one, response) => {
    if (one.path === '/ksql') json(response, 200, [{ '@type': 'currentStatus', commandId: 'table/`T`/create', commandStatus: { status: 'QUEUED', message: '' } }])
    else json(response, 200, { status: states.shift(), message: '' })
  })
  await client.statement('CREATE TABLE t …;', { 'auto.offset.reset': 'earliest' })
  t.strictSame(asked[0]?.body, { ksql: 'CREATE TABLE t …;', streamsProperties: { 'auto.offset.reset': 'earliest' } })
  t.strictSame(asked.slice(1).map(({ path }) => path), ['/status/table/`T`/create', '/status/table/`T`/create'])
})

t.test('a statement that is refused for another at the same moment is asked again', async t => {
  // as ksqlDB 7.9.1 answered two gateways that made the same stream at once
  const refusals = [
    "Producer with transactionalId 'linklog' and (producerId=0, epoch=43) has been fenced by another producer with the same transactionalId",
    "Could not write the statement 'CREATE TABLE t …;' into the command topic.",
    'Another command with the same id (stream/`T`/create) is being executed.',
    'Failed to Describe Kafka Topic(s): [t]\nCaused by: This server does not host this topic-partition.'
  ]
  const left = [...refusals]
  const { client, asked } = await start(t, (_, response) => {
    const message = left.shift()
    if (message === undefined) json(response, 200, [{ '@type': 'currentStatus', commandId: 'table/`T`/create', commandStatus: { status: 'SUCCESS', message: 'Table created' } }])
    else refusal(response, message, 50000, 500)
  })
  await client.statement('CREATE TABLE t …;')
  t.equal(asked.length, refusals.length + 1)
})

t.test('a statement that is refused for what it says is asked once', async t => {
  for (const [status, message] of [[500, 'Something else'], [400, 'Another command with the same id (x) is being executed.']] as const) {
    const { client, asked } = await start(t, (_, response) => refusal(response, message, status * 100, status))
    await t.rejects(client.statement('CREATE TABLE t …;'), { name: 'KsqlError', status, message })
    t.equal(asked.length, 1)
  }
})

t.test('a statement that fails later is a failure', async t => {
  const { client } = await start(t, (one, response) =>
    json(response, 200, [{ '@type': 'currentStatus', commandId: 'x', commandStatus: { status: 'ERROR', message: 'no such topic' } }]))
  await t.rejects(client.statement('CREATE …;'), { name: 'KsqlError', message: 'no such topic' })
})

t.test('a push query gives its rows as they come, and ends with the signal', async t => {
  let more: (row: unknown) => void = () => {}
  const { client } = await start(t, (one, response) => {
    response.writeHead(200)
    response.write(`${JSON.stringify({ queryId: 'q', columnNames: ['A'], columnTypes: ['STRING'] })}\n["fi`)
    more = row => response.write(`rst"]\n${JSON.stringify(row)}\n\n`)
  })
  const stop = new AbortController()
  const { columnNames, rows } = await client.push('SELECT a FROM t EMIT CHANGES;', { 'auto.offset.reset': 'latest' }, stop.signal)
  t.strictSame(columnNames, ['A'])
  more(['second'])
  const seen: unknown[] = []
  await t.rejects(async () => {
    for await (const row of rows) {
      seen.push(row[0])
      if (seen.length === 2) stop.abort()
    }
  })
  t.strictSame(seen, ['first', 'second'])
})

t.test('a push query that is refused', async t => {
  const { client } = await start(t, (one, response) => refusal(response, 'T does not exist.'))
  await t.rejects(client.push('SELECT a FROM t EMIT CHANGES;', {}, new AbortController().signal), { message: 'T does not exist.' })
})

t.test('credentials, and a server that is no ksqlDB', async t => {
  const { client, asked } = await start(t, (one, response) => { response.writeHead(502).end('<html>Bad gateway</html>') },
    { credentials: { username: 'u', password: 'p' } })
  await t.rejects(client.get('/info'), { status: 502, errorCode: 50200, message: /Bad gateway/ })
  t.equal(asked[0]?.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`)
})

t.test('lines across chunks, with characters cut in two', async t => {
  const bytes = Buffer.from('eins\n\n"zwölf"\r\nlast')
  for (let size = 1; size < bytes.length; size++) {
    const chunks = async function * () {
      for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
    }
    const lines: string[] = []
    for await (const line of readLines(chunks())) lines.push(line)
    t.strictSame(lines, ['eins', '"zwölf"', 'last'], `chunks of ${size}`)
  }
})
