import { request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { caughtUp, ksql, openStack, post, rows, type Stack } from '../support.js'

const STREAM = `CREATE STREAM s (k VARCHAR KEY, b BOOLEAN, i INT, l BIGINT, d DOUBLE, x DECIMAL(6,2), t TIMESTAMP, day DATE, y BYTES, a ARRAY<INT>,
  m MAP<VARCHAR, INT>, o STRUCT<f VARCHAR, n BIGINT>) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');`
const DELIMITED = 'application/vnd.ksqlapi.delimited.v1'

async function open (t: Test): Promise<Stack> {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  return stack
}

/** A push query: its lines as they come, and what ends it. */
function push (stack: Stack, sql: string): { lines: AsyncGenerator<string>, destroy: () => void } {
  const asked = request(`${stack.url}/query-stream`, { method: 'POST', headers: { 'content-type': 'application/json', accept: DELIMITED } })
  asked.on('error', () => {})
  asked.end(JSON.stringify({ sql, properties: { 'auto.offset.reset': 'earliest' } }))
  async function * lines (): AsyncGenerator<string> {
    const [response] = await once(asked, 'response')
    let rest = ''
    for await (const chunk of response) {
      const parts = (rest + String(chunk)).split('\n')
      rest = parts.pop() ?? ''
      yield * parts
    }
  }
  return { lines: lines(), destroy: () => asked.destroy() }
}

t.test('values of every type go out as ksqlDB writes them', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  const inserted = await ksql(stack, `INSERT INTO s VALUES ('k', true, 1, 9007199254740993, 1.5E10, 0.50, '2026-01-01T00:30:00.000', '2026-01-02',
    TO_BYTES('abc', 'utf8'), ARRAY[1, 2], MAP('a' := 1), STRUCT(f := 'it''s "x"', n := 3));`)
  t.same(inserted.body, [])
  const { body } = await post(stack, '/query-stream', { sql: 'SELECT * FROM s;', properties: {} }, { accept: DELIMITED })
  t.equal(String(body).split('\n')[1],
    '["k",true,1,9007199254740993,1.5E10,0.50,"2026-01-01T00:30:00.000","2026-01-02","YWJj",[1,2],{"a":1},{"F":"it\'s \\"x\\"","N":3}]')
})

t.test('the form follows path and Accept', async t => {
  const stack = await open(t)
  await ksql(stack, `${STREAM} CREATE TABLE n AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;`)
  await ksql(stack, "INSERT INTO s (k) VALUES ('k');")
  await caughtUp(stack)
  const sql = "SELECT * FROM n WHERE k = 'k';"
  const cases: [string, object, string, string, RegExp][] = [
    ['/query-stream', { sql }, '', DELIMITED, /^\{"queryId":"query_\d+","columnNames":\["K","N"\],"columnTypes":\["STRING","BIGINT"\]\}\n\["k",1\]\n$/],
    ['/query-stream', { sql }, 'application/json', 'application/json', /^\[\{"queryId":.*\},\["k",1\]\]$/],
    ['/query', { ksql: sql }, 'application/json', 'application/vnd.ksql.v1+json', /^\[\{"header":\{"queryId":"query_\d+","schema":"`K` STRING KEY, `N` BIGINT"\}\},\n\{"row":\{"columns":\["k",1\]\}\}\]$/],
    ['/query', { ksql: sql }, DELIMITED, DELIMITED, /^\{"queryId":.*\}\n\["k",1\]\n$/]
  ]
  for (const [path, body, accept, type, text] of cases) {
    const response = await fetch(stack.url + path, { method: 'POST', body: JSON.stringify(body), headers: accept === '' ? {} : { accept } })
    t.equal(response.headers.get('content-type'), type, `${path} ${accept}`)
    t.match(await response.text(), text, `${path} ${accept}`)
  }
})

t.test('the same query with other keys, also with quotes in them', async t => {
  const stack = await open(t)
  await ksql(stack, `${STREAM} CREATE TABLE n AS SELECT k, COUNT(*) AS n, LATEST_BY_OFFSET(i) AS i FROM s GROUP BY k;`)
  await ksql(stack, "INSERT INTO s (k, i) VALUES ('a', 1); INSERT INTO s (k, i) VALUES ('it''s', 2); INSERT INTO s (k, i) VALUES ('''', 3);")
  await caughtUp(stack)
  for (const [key, i] of [['a', 1], ["it''s", 2], ["''", 3], ['a', 1], ["it''s", 2], ["''", 3]]) {
    t.same(await rows(stack, `SELECT i FROM n WHERE k = '${key}';`, {}), [[i]], String(key))
  }
  t.same(await rows(stack, "SELECT i FROM n WHERE k = 'a' OR k = '''';", {}), [[1], [3]])
  t.same(await rows(stack, "SELECT i FROM n WHERE k = 'a' AND i = 2;", {}), [])
  t.same(await rows(stack, "SELECT k = 'a' FROM n WHERE i = 1;", {}), [[true]])
  for (const [keys, found] of [["'a'", [1]], ["'a', 'b'", [1]], ["'it''s','a', 'a'", [1, 2]], ["'a', ''''", [1, 3]], ["'x', 'y'", []]] as [string, number[]][]) {
    t.same((await rows(stack, `SELECT i FROM n WHERE k IN (${keys});`, {})).flat().sort(), found, keys)
  }
  await ksql(stack, 'DROP TABLE n;')
  t.match((await post(stack, '/query-stream', { sql: "SELECT i FROM n WHERE k = 'a';" })).body, { message: /N does not exist/ }, 'a kept plan ends with its table')
})

t.test('a push query gives rows as they come, and ends with its client', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  const { lines, destroy } = push(stack, 'SELECT k, i FROM s EMIT CHANGES;')
  t.match((await lines.next()).value, /"columnNames":\["K","I"\]/)
  for (const i of [1, 2, 3]) {
    await ksql(stack, `INSERT INTO s (k, i) VALUES ('k', ${i});`)
    t.equal((await lines.next()).value, `["k",${i}]`)
  }
  destroy()
  await t.rejects(lines.next())
  t.match((await ksql(stack, 'DROP STREAM s;')).body, [{ commandStatus: { status: 'SUCCESS' } }])
})

t.test('close-query ends a push query', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  const { lines } = push(stack, 'SELECT k FROM s EMIT CHANGES;')
  const { queryId } = JSON.parse((await lines.next()).value)
  t.equal((await post(stack, '/close-query', { queryId })).status, 200)
  t.ok((await lines.next()).done)
  t.match(await post(stack, '/close-query', { queryId }), { status: 400, body: { message: `No query with id ${queryId}` } })
})

t.test('PRINT gives records as text', async t => {
  const stack = await open(t)
  await ksql(stack, STREAM)
  await ksql(stack, "INSERT INTO s (k, i) VALUES ('k', 1); INSERT INTO s (k, i) VALUES ('k', 2);")
  const { body } = await post(stack, '/query-stream', { sql: "PRINT 's' FROM BEGINNING LIMIT 1;" })
  t.match(body, /key: k, value: \{"B":null,"I":1,.*, partition: 0\n$/)
  t.match(await post(stack, '/query-stream', { sql: "PRINT 'nope' FROM BEGINNING LIMIT 1;" }), { status: 400, body: { message: /Could not find topic 'nope'/ } })
})

t.test('what is no good request is refused in ksqlDB\'s shape', async t => {
  const stack = await open(t)
  const bodies = ['', '{', '[]', '1', 'null', '"x"', '{"ksql":1}', '{"sql":1}', '{"ksql":"SHOW STREAMS;","streamsProperties":[]}', '{"sql":"x;","properties":1}',
    '{"ksql":"SHOW STREAMS","streamsProperties":{}}', `{"ksql":${JSON.stringify('('.repeat(100_000))}}`, `{"sql":${JSON.stringify('SELECT '.repeat(50_000))}}`,
    '{"ksql":"SHOW STREAMS;","streamsProperties":{"bootstrap.servers":"x"}}', '\u0000', '{"ksql":"\u0000;"}']
  for (const path of ['/ksql', '/query', '/query-stream', '/close-query']) {
    for (const body of bodies) {
      const answer = await post(stack, path, body)
      if (path === '/ksql' && answer.status === 200) continue
      t.match(answer, { status: 400, body: { '@type': /^(generic|statement)_error$/, error_code: /^400/, message: String } }, `${path} ${body.slice(0, 60)}`)
    }
  }
  t.match(await post(stack, '/ksql', `{"ksql":"${'x'.repeat(9 * 1024 * 1024)}"}`).catch(() => ({ status: 413 })), { status: 413 })
  t.equal((await fetch(`${stack.url}/nope`)).status, 404)
  t.equal((await fetch(`${stack.url}/ksql`)).status, 405)
  t.equal((await fetch(`${stack.url}/info`, { method: 'DELETE' })).status, 405)
})

t.test('bytes that are no HTTP end the connection only', async t => {
  const stack = await open(t)
  const socket = connect(stack.server.address.port, '127.0.0.1')
  socket.end('\u0016\u0003\u0001 nonsense\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  t.match(await (await fetch(`${stack.url}/info`)).json(), { KsqlServerInfo: { serverStatus: 'RUNNING' } })
})

t.test('a command\'s status can be asked for', async t => {
  const stack = await open(t)
  const { body } = await ksql(stack, STREAM)
  const status = await (await fetch(`${stack.url}/status/${encodeURI(body[0].commandId)}`)).json()
  t.same(status, { status: 'SUCCESS', message: 'Stream created', queryId: null })
})
