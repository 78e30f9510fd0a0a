import t, { type Test } from 'tap'
import { encodeBatch } from '../../../../embedded/records/batch.js'
import { openStack, post, type Stack } from '../support.js'

const MS = Date.UTC(2026, 0, 1)

async function open (t: Test, partitions = 1): Promise<Stack> {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  await stack.log.createTopic({ name: 'x', partitions, replicationFactor: 1, config: {} })
  return stack
}

async function append (stack: Stack, ...values: (string | null)[]): Promise<void> {
  await stack.log.partition('x', 0)?.append(encodeBatch(values.map(value => ({ timestamp: MS, key: null, value: value === null ? null : Buffer.from(value) }))))
}

const print = async (stack: Stack, clauses: string): Promise<string> => (await post(stack, '/query', { ksql: `PRINT 'x' ${clauses};`, streamsProperties: {} })).body
const line = (value: string): string => `rowtime: 2026/01/01 00:00:00.000 Z, key: <null>, value: ${value}, partition: 0\n`

t.test('formats, then records', async t => {
  const stack = await open(t)
  await append(stack, '{"a":1}', null)
  t.equal(await print(stack, 'FROM BEGINNING LIMIT 2'),
    `Key format: ¯\\_(ツ)_/¯ - no data processed\nValue format: JSON or KAFKA_STRING\n${line('{"a":1}')}${line('<null>')}`)
})

t.test('INTERVAL and LIMIT', async t => {
  const stack = await open(t)
  await append(stack, 'aaa', 'bbb', 'ccc', 'ddd', 'eee')
  t.match(await print(stack, 'FROM BEGINNING INTERVAL 2 LIMIT 2'), new RegExp(`Value format: KAFKA_STRING\n${line('aaa')}${line('ccc')}$`))
})

t.test('waits for what comes; tells of formats anew where they change; ends when the client leaves', async t => {
  const stack = await open(t)
  const leave = new AbortController()
  const response = await fetch(`${stack.url}/query`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ksql: "PRINT 'x';", streamsProperties: {} }), signal: leave.signal
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const until = async (end: string): Promise<string> => {
    let text = ''
    while (!text.includes(end)) {
      const { value, done } = await reader.read()
      if (done) return text
      text += value
    }
    return text
  }
  t.equal(await until('\n'), '\n', 'a sign of life')
  await append(stack, '{"a":1}')
  t.match(await until(line('{"a":1}')), /Value format: JSON or KAFKA_STRING\n/)
  await append(stack, 'text')
  t.match(await until(line('text')), new RegExp(`^\n?Value format: KAFKA_STRING\n${line('text')}\n?$`))
  leave.abort()
  await t.rejects(reader.read())
})
