// Apache Kafka's own Java tools, 3.9 from Maven Central: what operators run against a broker, and the Java clients within them.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LineProcess, run } from './support/process.js'
import { javaArgs, kafkaClassPath } from './support/real-kafka.js'
import { runClient } from './support/stacks.js'
import type { RunResult } from './support/process.js'
import type { Operation, Stack } from './support/stacks.js'

const TOOLS = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  groups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  produce: 'kafka.tools.ConsoleProducer',
  consume: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  perf: 'org.apache.kafka.tools.ProducerPerformance',
  offsets: 'org.apache.kafka.tools.GetOffsetShell',
  deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
  transactions: 'org.apache.kafka.tools.TransactionsCommand',
  apiVersions: 'kafka.admin.BrokerApiVersionsCommand',
  verifiableProducer: 'org.apache.kafka.tools.VerifiableProducer',
  verifiableConsumer: 'org.apache.kafka.tools.VerifiableConsumer'
} as const

let classPath = ''

async function tool (stack: Stack, name: keyof typeof TOOLS, args: readonly string[], input = ''): Promise<RunResult> {
  // consumer-groups gives up after 5 s of its own accord, which a busy machine may need.
  const patience = name === 'groups' ? ['--timeout', '60000'] : []
  return await run('java', javaArgs(classPath, TOOLS[name], '--bootstrap-server', stack.brokers, ...args, ...patience), { input, timeoutMs: 90_000 })
}

const create = async (stack: Stack, topic: string, partitions = 1) => await tool(stack, 'topics', ['--create', '--topic', topic, '--partitions', String(partitions)])
const lines = (result: RunResult) => result.stdout.split('\n').filter(line => line !== '')

async function consume (stack: Stack, topic: string, count: number, ...args: string[]): Promise<string[]> {
  const result = await tool(stack, 'consume', ['--topic', topic, '--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000', ...args])
  return lines(result)
}

/** The rows of the table that consumer-groups prints, by the heads of its columns. */
function table (result: RunResult): Record<string, string>[] {
  const rows = lines(result).map(line => line.trim().split(/\s+/))
  const head = rows.findIndex(row => row[0] === 'GROUP')
  return rows.slice(head + 1).map(row => Object.fromEntries((rows[head] ?? []).map((name, index) => [name, row[index] ?? ''])))
}

function verifiableConsumer (stack: Stack, topic: string): LineProcess {
  const args = ['--topic', topic, '--group-id', topic, '--session-timeout', '6000']
  return new LineProcess('java', javaArgs(classPath, TOOLS.verifiableConsumer, '--bootstrap-server', stack.brokers, ...args))
}

/** How many partitions the consumer holds after its next rebalance. */
async function assigned (one: LineProcess): Promise<number> {
  const line = await one.line(line => line.includes('"name":"partitions_assigned"'))
  return (JSON.parse(line) as { partitions: unknown[] }).partitions.length
}

const operations: Record<string, Operation> = {
  'api versions': async (t, stack) => {
    const result = await tool(stack, 'apiVersions', [])
    t.match(result.stdout, /Produce\(0\): .*\n/)
    t.notMatch(result.stdout, /ERROR/)
  },
  topics: async (t, stack) => {
    t.match((await tool(stack, 'topics', ['--create', '--topic', 'jt-topics', '--partitions', '3', '--config', 'cleanup.policy=compact'])).stdout, /Created topic jt-topics/)
    t.match((await create(stack, 'jt-topics')).stdout, /already exists/)
    await tool(stack, 'topics', ['--alter', '--topic', 'jt-topics', '--partitions', '4'])
    const described = (await tool(stack, 'topics', ['--describe', '--topic', 'jt-topics'])).stdout
    t.match(described, /PartitionCount: 4\s+ReplicationFactor: 1\s+Configs: .*cleanup\.policy=compact/)
    t.equal(described.match(/Leader: 1/g)?.length ?? described.match(/Leader: \d+/g)?.length, 4)
    t.ok(lines(await tool(stack, 'topics', ['--list'])).includes('jt-topics'))
    await tool(stack, 'topics', ['--delete', '--topic', 'jt-topics'])
    t.notOk(lines(await tool(stack, 'topics', ['--list'])).includes('jt-topics'))
  },
  configs: async (t, stack) => {
    await create(stack, 'jt-configs')
    const entity = ['--entity-type', 'topics', '--entity-name', 'jt-configs']
    t.match((await tool(stack, 'configs', ['--alter', ...entity, '--add-config', 'retention.ms=12345,segment.bytes=1048576'])).stdout, /Completed updating config/)
    t.match((await tool(stack, 'configs', ['--describe', ...entity])).stdout, /retention\.ms=12345/)
    await tool(stack, 'configs', ['--alter', ...entity, '--delete-config', 'retention.ms'])
    t.notMatch((await tool(stack, 'configs', ['--describe', ...entity])).stdout, /retention\.ms=/)
    const refused = await tool(stack, 'configs', ['--alter', ...entity, '--add-config', 'retention.ms=soon'])
    t.match(refused.stdout + refused.stderr, /Invalid value soon for configuration retention\.ms/)
  },
  ...Object.fromEntries(['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((codec): [string, Operation] => [`produce ${codec}`, async (t, stack) => {
    const topic = `jt-${codec}`
    await create(stack, topic)
    const values = Array.from({ length: 300 }, (_, index) => `value ${index} ${'x'.repeat(40)}`)
    t.equal((await tool(stack, 'produce', ['--topic', topic, '--compression-codec', codec], `${values.join('\n')}\n`)).code, 0)
    t.strictSame(await consume(stack, topic, values.length), values)
  }])),
  'groups: commit, describe, reset by time, delete': async (t, stack) => {
    await create(stack, 'jt-groups')
    await tool(stack, 'produce', ['--topic', 'jt-groups'], '0\n1\n2\n3\n')
    t.strictSame(await consume(stack, 'jt-groups', 4, '--group', 'jt-groups'), ['0', '1', '2', '3'])
    const group = ['--group', 'jt-groups']
    t.match(table(await tool(stack, 'groups', ['--describe', ...group])), [{ TOPIC: 'jt-groups', PARTITION: '0', 'CURRENT-OFFSET': '4', 'LOG-END-OFFSET': '4', LAG: '0' }])
    t.match((await tool(stack, 'groups', ['--describe', '--state', ...group])).stdout, /jt-groups\s.*\sEmpty\s+0\s/)
    const reset = await tool(stack, 'groups', ['--reset-offsets', ...group, '--topic', 'jt-groups', '--to-datetime', '2020-01-01T00:00:00.000', '--execute'])
    t.match(reset.stdout, /NEW-OFFSET\s+jt-groups\s+jt-groups\s+0\s+0\s/)
    await tool(stack, 'groups', ['--reset-offsets', ...group, '--topic', 'jt-groups', '--shift-by', '3', '--execute'])
    t.strictSame(await consume(stack, 'jt-groups', 1, '--group', 'jt-groups'), ['3'])
    t.ok(lines(await tool(stack, 'groups', ['--list'])).includes('jt-groups'))
    t.match((await tool(stack, 'groups', ['--delete', ...group])).stdout, /successful/)
    t.notOk(lines(await tool(stack, 'groups', ['--list'])).includes('jt-groups'))
    t.strictSame(await consume(stack, 'jt-groups', 1, '--group', 'jt-groups'), ['0'])
    t.match((await tool(stack, 'groups', ['--delete-offsets', ...group, '--topic', 'jt-groups'])).stdout, /Successful/)
    t.notOk(lines(await tool(stack, 'groups', ['--list'])).includes('jt-groups'), 'a group without offsets and members is gone')
  },
  'a killed consumer leaves its partitions to the others': async (t, stack) => {
    await create(stack, 'jt-killed', 4)
    const [first, second] = [verifiableConsumer(stack, 'jt-killed'), verifiableConsumer(stack, 'jt-killed')]
    const counts = await Promise.all([assigned(first), assigned(second)])
    // Which of the two was first is not ours to say: both come to two partitions.
    if (counts[0] !== 2) t.equal(await assigned(first), 2)
    if (counts[1] !== 2) t.equal(await assigned(second), 2)
    await second.stop('SIGKILL')
    t.equal(await assigned(first), 4, 'after the session timed out')
    await first.stop()
  },
  'verifiable consumers in a group with a rebalance': async (t, stack) => {
    await create(stack, 'jt-verifiable', 4)
    const first = verifiableConsumer(stack, 'jt-verifiable')
    t.equal(await assigned(first), 4)
    const second = verifiableConsumer(stack, 'jt-verifiable')
    t.equal(await assigned(second), 2)
    t.equal(await assigned(first), 2)
    const produced = await tool(stack, 'verifiableProducer', ['--topic', 'jt-verifiable', '--max-messages', '200', '--acks', '-1'])
    t.equal(produced.stdout.match(/"name":"producer_send_success"/g)?.length, 200)
    await second.stop()
    t.equal(await assigned(first), 4)
    await first.stop()
    const offsets = table(await tool(stack, 'groups', ['--describe', '--group', 'jt-verifiable']))
    t.equal(offsets.reduce((sum, row) => sum + Number(row['LOG-END-OFFSET']), 0), 200)
  },
  'producer-perf-test, idempotent': async (t, stack) => {
    await create(stack, 'jt-perf', 2)
    const props = ['--producer-props', `bootstrap.servers=${stack.brokers}`, 'acks=all', 'enable.idempotence=true']
    const args = ['--topic', 'jt-perf', '--num-records', '20000', '--record-size', '200', '--throughput', '-1', ...props]
    const result = await run('java', javaArgs(classPath, TOOLS.perf, ...args), { timeoutMs: 90_000 })
    t.match(result.stdout, /20000 records sent/)
    const ends = lines(await tool(stack, 'offsets', ['--topic', 'jt-perf', '--time', '-1'])).map(line => Number(line.split(':')[2]))
    t.equal(ends.reduce((sum, end) => sum + end, 0), 20000)
  },
  'transactions: committed, and seen by the tool': async (t, stack) => {
    await create(stack, 'jt-transactions')
    const props = ['--producer-props', `bootstrap.servers=${stack.brokers}`]
    const args = ['--topic', 'jt-transactions', '--num-records', '1000', '--record-size', '50', '--throughput', '-1', ...props]
    const result = await run('java', javaArgs(classPath, TOOLS.perf, ...args, '--transactional-id', 'jt', '--transaction-duration-ms', '200'), { timeoutMs: 90_000 })
    t.match(result.stdout, /1000 records sent/)
    t.equal((await consume(stack, 'jt-transactions', 1000, '--isolation-level', 'read_committed')).length, 1000)
    t.match((await tool(stack, 'transactions', ['list'])).stdout, /^jt\S*\s+\d+\s+\d+\s+CompleteCommit/m)
    const [one = ''] = lines(await tool(stack, 'transactions', ['list'])).filter(line => line.startsWith('jt')).map(line => line.split(/\s+/)[0])
    t.match((await tool(stack, 'transactions', ['describe', '--transactional-id', one])).stdout, /\sCompleteCommit\s+\d+/)
    t.match((await tool(stack, 'transactions', ['describe-producers', '--topic', 'jt-transactions', '--partition', '0'])).stdout, /^\d+\s+\d+\s.*\sNone/m)
  },
  'offsets by time and deleted records': async (t, stack) => {
    await create(stack, 'jt-delete')
    await tool(stack, 'produce', ['--topic', 'jt-delete'], '0\n1\n2\n3\n')
    const at = async (time: string) => lines(await tool(stack, 'offsets', ['--topic', 'jt-delete', '--time', time]))
    t.strictSame(await at('-1'), ['jt-delete:0:4'])
    t.strictSame(await at('1000'), ['jt-delete:0:0'])
    t.match(await at('-3'), [/^jt-delete:0:[0-3]$/], 'a record with the greatest timestamp')
    const folder = await mkdtemp(join(tmpdir(), 'linklog-tools-'))
    const file = join(folder, 'delete.json')
    writeFileSync(file, JSON.stringify({ partitions: [{ topic: 'jt-delete', partition: 0, offset: 3 }], version: 1 }))
    t.match((await tool(stack, 'deleteRecords', ['--offset-json-file', file])).stdout, /low_watermark: 3/)
    await rm(folder, { recursive: true })
    t.strictSame(await at('-2'), ['jt-delete:0:3'])
    t.strictSame(await consume(stack, 'jt-delete', 1), ['3'])
  }
}

async function missing (): Promise<string | undefined> {
  classPath = await kafkaClassPath() ?? ''
  return classPath === '' ? 'they need Java 17, Maven and, the first time, Maven Central' : undefined
}

t.test('kafka-tools', async t => { await runClient(t, { name: 'kafka-tools', missing }, operations) })
