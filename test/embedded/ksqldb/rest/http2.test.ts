import { connect, type ClientHttp2Session } from 'node:http2'
import t, { type Test } from 'tap'
import { openStack, rows, ksql, type Stack } from '../support.js'

const STREAM = "CREATE STREAM s (k VARCHAR KEY, l BIGINT, x DECIMAL(6,2), o STRUCT<f INT>) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');"

async function open (t: Test): Promise<{ stack: Stack, session: ClientHttp2Session }> {
  const stack = await openStack()
  const session = connect(stack.url)
  t.teardown(async () => {
    session.destroy()
    await stack.destroy()
  })
  await ksql(stack, STREAM)
  return { stack, session }
}

async function ask (session: ClientHttp2Session, path: string, body: string, headers: Record<string, string> = {}): Promise<{ status: number, text: string }> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json', ...headers })
  stream.setEncoding('utf8')
  let status = 0
  stream.on('response', head => { status = Number(head[':status']) })
  stream.end(body)
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status, text }
}

t.test('the same answers over HTTP/2 on the same port', async t => {
  const { session } = await open(t)
  const { status, text } = await ask(session, '/ksql', JSON.stringify({ ksql: 'SHOW STREAMS;' }))
  t.equal(status, 200)
  t.match(JSON.parse(text), [{ '@type': 'streams', streams: [{ name: 'S' }] }])
  t.equal((await ask(session, '/nope', '')).status, 404)
})

t.test('inserts-stream takes rows by line and acknowledges each', async t => {
  const { stack, session } = await open(t)
  const lines = [{ target: 's' }, { k: 'a', l: '#', x: 1.5, o: { f: 1 } }, { '`K`': 'b', X: '2.25' }].map(line => JSON.stringify(line))
  const { status, text } = await ask(session, '/inserts-stream', lines.join('\n').replace('"#"', '9007199254740993'))
  t.same({ status, text }, { status: 200, text: '{"status":"ok","seq":0}\n{"status":"ok","seq":1}\n' })
  t.same(await rows(stack, 'SELECT k, CAST(l AS VARCHAR), x, o->f FROM s;'), [['a', '9007199254740993', 1.5, 1], ['b', null, 2.25, null]])
})

t.test('inserts-stream stops at the first row that does not fit', async t => {
  const { session } = await open(t)
  const refused = async (row: string): Promise<string> => (await ask(session, '/inserts-stream', `{"target":"S"}\n{"k":"a"}\n${row}\n{"k":"b"}`)).text
  const error = (message: string): string => `{"status":"ok","seq":0}\n${JSON.stringify({ '@type': 'generic_error', error_code: 40000, message, status: 'error', seq: 1 })}\n`
  t.equal(await refused('{"l":1}'), error('Key field must be specified: K'))
  t.equal(await refused('{"k":"a","l":"x"}'), error("Can't coerce a field of type class java.lang.String into type BIGINT"))
  t.equal(await refused('nonsense'), error('Invalid JSON in inserts stream'))
  t.match(await ask(session, '/inserts-stream', '{"target":"nope"}\n'), { status: 400, text: /Cannot insert values into an unknown stream\/table: `NOPE`/ })
  t.match(await ask(session, '/inserts-stream', ''), { status: 400 })
})
