// kcat, and so librdkafka as Debian has it (1.x, older than the one in confluent-kafka): the command line as an operator uses it.
import t from 'tap'
import { run, works } from './support/process.js'
import { runClient } from './support/stacks.js'
import type { RunResult } from './support/process.js'
import type { Operation, Stack } from './support/stacks.js'

async function kcat (stack: Stack, args: readonly string[], input = ''): Promise<RunResult> {
  return await run('kcat', ['-b', stack.brokers, '-m', '20', ...args], { input, timeoutMs: 40_000 })
}

/** kcat makes no topics: they are made by the admin client of kafkajs. */
async function createTopic (stack: Stack, topic: string, numPartitions = 1): Promise<void> {
  const { default: { Kafka, logLevel } } = await import('kafkajs')
  const admin = new Kafka({ brokers: [stack.brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
  await admin.disconnect()
}

const lines = (result: RunResult) => result.stdout.split('\n').filter(line => line !== '')

function codec (name: string): Operation {
  return async (t, stack) => {
    const topic = `kcat-${name}`
    await createTopic(stack, topic)
    const values = Array.from({ length: 300 }, (_, index) => `value ${index} ${'x'.repeat(50)}`)
    const sent = await kcat(stack, ['-P', '-t', topic, '-z', name], values.join('\n'))
    t.equal(sent.code, 0, sent.stderr)
    t.strictSame(lines(await kcat(stack, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q'])), values)
  }
}

const operations: Record<string, Operation> = {
  metadata: async (t, stack) => {
    await createTopic(stack, 'kcat-metadata', 3)
    const found = JSON.parse((await kcat(stack, ['-L', '-J', '-t', 'kcat-metadata'])).stdout) as { topics: { topic: string, partitions: unknown[] }[] }
    t.match(found.topics, [{ topic: 'kcat-metadata', partitions: [{ partition: 0 }, { partition: 1 }, { partition: 2 }] }])
  },
  'produce none': codec('none'),
  'produce gzip': codec('gzip'),
  'produce snappy': codec('snappy'),
  'produce lz4': codec('lz4'),
  'produce zstd': codec('zstd'),
  'keys, headers, tombstones': async (t, stack) => {
    await createTopic(stack, 'kcat-keys')
    await kcat(stack, ['-P', '-t', 'kcat-keys', '-K', ':', '-H', 'h=1', '-Z'], 'a:x\nb:\n')
    const read = await kcat(stack, ['-C', '-t', 'kcat-keys', '-o', 'beginning', '-e', '-q', '-f', '%k|%S|%h|%o\\n'])
    t.strictSame(lines(read), ['a|1|h=1|0', 'b|-1|h=1|1'])
  },
  'offsets and times': async (t, stack) => {
    await createTopic(stack, 'kcat-offsets')
    await kcat(stack, ['-P', '-t', 'kcat-offsets'], '0\n1\n2\n3\n')
    const read = async (...args: string[]) => lines(await kcat(stack, ['-C', '-t', 'kcat-offsets', '-e', '-q', ...args]))
    t.strictSame(await read('-o', '2'), ['2', '3'])
    t.strictSame(await read('-o', '-1'), ['3'], 'the last one')
    t.strictSame(await read('-o', 'beginning', '-c', '2'), ['0', '1'])
    t.strictSame(await read('-o', 's@1000'), ['0', '1', '2', '3'], 'all since an instant')
    t.strictSame(lines(await kcat(stack, ['-Q', '-t', 'kcat-offsets:0:-1'])), ['kcat-offsets [0] offset 4'])
  },
  group: async (t, stack) => {
    await createTopic(stack, 'kcat-group', 2)
    await kcat(stack, ['-P', '-t', 'kcat-group', '-p', '0'], 'a\nb\n')
    await kcat(stack, ['-P', '-t', 'kcat-group', '-p', '1'], 'c\n')
    const read = async (count: number) =>
      lines(await kcat(stack, ['-G', 'kcat-group', '-q', '-c', String(count), '-X', 'auto.offset.reset=earliest', 'kcat-group']))
    t.strictSame((await read(3)).sort(), ['a', 'b', 'c'])
    await kcat(stack, ['-P', '-t', 'kcat-group', '-p', '1'], 'd\n')
    t.strictSame(await read(1), ['d'], 'the second time from where the group was')
  },
  transaction: async (t, stack) => {
    await createTopic(stack, 'kcat-transaction')
    const sent = await kcat(stack, ['-P', '-t', 'kcat-transaction', '-X', 'transactional.id=kcat'], 'a\nb\n')
    t.equal(sent.code, 0, sent.stderr)
    t.strictSame(lines(await kcat(stack, ['-C', '-t', 'kcat-transaction', '-o', 'beginning', '-e', '-q', '-X', 'isolation.level=read_committed'])), ['a', 'b'])
  },
  'unknown topic': async (t, stack) => {
    const result = await kcat(stack, ['-C', '-t', 'kcat-nothing', '-e', '-q'])
    t.not(result.code, 0)
    t.match(result.stderr, /Unknown topic/)
  }
}

const missing = async () => await works('kcat', ['-V']) ? undefined : 'kcat is not here (Debian: apt-get install kcat)'

t.test('kcat', async t => { await runClient(t, { name: 'kcat', missing }, operations) })
