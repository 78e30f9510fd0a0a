// kafkajs 2.2, unchanged, on the embedded broker and on Apache Kafka: what it does on one it does on the other.
import kafkajs from 'kafkajs'
import t from 'tap'
import { runClient } from './support/stacks.js'
import type { Admin, Consumer, EachMessagePayload, Kafka as KafkaClient } from 'kafkajs'
import type { Test } from 'tap'
import type { Operation, Stack } from './support/stacks.js'

const { CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = kafkajs

const client = ({ brokers }: Stack): KafkaClient =>
  new Kafka({ clientId: 'linklog-test', brokers: [brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 10 } })

async function adminOf (t: Test, stack: Stack): Promise<Admin> {
  const admin = client(stack).admin()
  await admin.connect()
  t.teardown(async () => { await admin.disconnect() })
  return admin
}

async function createTopic (t: Test, stack: Stack, topic: string, numPartitions = 1): Promise<Admin> {
  const admin = await adminOf(t, stack)
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }], waitForLeaders: true })
  return admin
}

/** The error's name in the protocol. */
async function errorOf (call: Promise<unknown>): Promise<unknown> {
  interface Failure { readonly type?: string, readonly cause?: Failure, readonly errors?: readonly Failure[] }
  return await call.then(() => undefined, (error: Failure) => error.type ?? error.cause?.type ?? error.errors?.[0]?.type ?? error)
}

interface ProduceOptions { readonly compression?: number, readonly timestamp?: number }

async function produce (stack: Stack, topic: string, values: readonly string[], { compression, timestamp }: ProduceOptions = {}): Promise<void> {
  const producer = client(stack).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = values.map(value => ({ value, ...timestamp !== undefined && { timestamp: String(timestamp) } }))
  await producer.send({ topic, messages, ...compression !== undefined && { compression } })
  await producer.disconnect()
}

/** Runs a consumer until `enough` says so, then leaves the group, also where it fails. A crash that kafkajs restarts from (a coordinator loads) is none. */
async function consumeUntil (
  consumer: Consumer, enough: (payload: EachMessagePayload) => boolean | Promise<boolean>, { autoCommit = true }: { readonly autoCommit?: boolean } = {}
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => { if (!payload.restart) reject(payload.error) })
      consumer.run({ autoCommit, eachMessage: async payload => { if (await enough(payload)) resolve() } }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}

async function readAll (stack: Stack, topic: string, groupId: string, count: number): Promise<string[]> {
  const consumer = client(stack).consumer({ groupId, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const found: string[] = []
  await consumeUntil(consumer, ({ message }) => found.push(String(message.value)) >= count)
  return found
}

const operations: Record<string, Operation> = {
  create: async (t, stack) => {
    const admin = await adminOf(t, stack)
    const topic = { topic: 'create', numPartitions: 3, replicationFactor: 1, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }
    t.equal(await admin.createTopics({ topics: [topic] }), true)
    t.equal(await admin.createTopics({ topics: [topic] }), false, 'a second time it stands already')
    t.equal((await admin.fetchTopicMetadata({ topics: ['create'] })).topics[0]?.partitions.length, 3)
    await admin.createPartitions({ topicPartitions: [{ topic: 'create', count: 5 }] })
    t.equal((await admin.fetchTopicMetadata({ topics: ['create'] })).topics[0]?.partitions.length, 5)
    t.equal(await errorOf(admin.createPartitions({ topicPartitions: [{ topic: 'create', count: 2 }] })), 'INVALID_PARTITIONS')
    await t.rejects(admin.createTopics({ topics: [{ topic: 'bad name' }] }))
    t.ok((await admin.listTopics()).includes('create'))
  },
  configs: async (t, stack) => {
    const admin = await createTopic(t, stack, 'configs')
    const resource = { type: ConfigResourceTypes.TOPIC, name: 'configs' }
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '12345' }] }] })
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const value = (name: string) => resources[0]?.configEntries.find(entry => entry.configName === name)?.configValue
    t.equal(value('retention.ms'), '12345')
    t.equal(value('cleanup.policy'), 'delete')
  },
  'produce plain': async (t, stack) => {
    await createTopic(t, stack, 'plain')
    await produce(stack, 'plain', ['a', 'b', 'c'])
    t.strictSame(await readAll(stack, 'plain', 'plain', 3), ['a', 'b', 'c'])
  },
  'produce gzip': async (t, stack) => {
    await createTopic(t, stack, 'gzip')
    const values = Array.from({ length: 500 }, (_, index) => `value ${index}`)
    await produce(stack, 'gzip', values, { compression: CompressionTypes.GZIP })
    t.strictSame(await readAll(stack, 'gzip', 'gzip', values.length), values)
  },
  'produce acks 0, 1, all': async (t, stack) => {
    const admin = await createTopic(t, stack, 'acks')
    const producer = client(stack).producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const sent = []
    for (const acks of [0, 1, -1]) sent.push(await producer.send({ topic: 'acks', acks, messages: [{ key: 'k', value: `acks ${acks}`, headers: { h: 'x' } }] }))
    await producer.disconnect()
    t.strictSame(sent.slice(1).map(([one]) => one?.baseOffset), ['1', '2'])
    t.match(await admin.fetchTopicOffsets('acks'), [{ partition: 0, low: '0', high: '3' }])
  },
  'group with a rebalance': async (t, stack) => {
    await createTopic(t, stack, 'rebalance', 4)
    const kafka = client(stack)
    const start = async (seen: string[]): Promise<{ consumer: Consumer, joined: () => Promise<number> }> => {
      const consumer = kafka.consumer({ groupId: 'rebalance', heartbeatInterval: 200, maxWaitTimeInMs: 100 })
      let sizes: number[] = []
      let wake = () => {}
      consumer.on('consumer.group_join', ({ payload }) => {
        sizes.push(payload.memberAssignment['rebalance']?.length ?? 0)
        wake()
      })
      await consumer.connect()
      await consumer.subscribe({ topic: 'rebalance', fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => { seen.push(String(message.value)); wake() } })
      const joined = async () => {
        while (sizes.length === 0) await new Promise<void>(resolve => { wake = resolve })
        const size = sizes.at(-1) ?? 0
        sizes = []
        return size
      }
      return { consumer, joined }
    }
    const [one, two]: [string[], string[]] = [[], []]
    const first = await start(one)
    t.teardown(async () => { await first.consumer.disconnect() })
    t.equal(await first.joined(), 4, 'alone with all partitions')
    const second = await start(two)
    t.equal(await second.joined(), 2)
    t.equal(await first.joined(), 2, 'shared after the rebalance')
    await second.consumer.disconnect()
    t.equal(await first.joined(), 4, 'all again after the other left')
  },
  'commit and resume': async (t, stack) => {
    const admin = await createTopic(t, stack, 'commit')
    await produce(stack, 'commit', ['0', '1', '2', '3', '4'])
    const consumer = client(stack).consumer({ groupId: 'commit', maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'commit', fromBeginning: true })
    await consumeUntil(consumer, async ({ message }) => {
      if (message.offset !== '2') return false
      await consumer.commitOffsets([{ topic: 'commit', partition: 0, offset: '3', metadata: 'here' }])
      return true
    }, { autoCommit: false })
    t.match(await admin.fetchOffsets({ groupId: 'commit', topics: ['commit'] }), [{ topic: 'commit', partitions: [{ partition: 0, offset: '3', metadata: 'here' }] }])
    t.strictSame(await readAll(stack, 'commit', 'commit', 2), ['3', '4'])
    t.match((await admin.describeGroups(['commit'])).groups[0], { groupId: 'commit', state: 'Empty', protocolType: 'consumer' })
    t.ok((await admin.listGroups()).groups.some(group => group.groupId === 'commit'))
    await admin.resetOffsets({ groupId: 'commit', topic: 'commit', earliest: true })
    t.strictSame(await readAll(stack, 'commit', 'commit', 5), ['0', '1', '2', '3', '4'])
  },
  'seek by time': async (t, stack) => {
    const admin = await createTopic(t, stack, 'time')
    const start = Date.now() - 100_000
    for (let index = 0; index < 5; index++) await produce(stack, 'time', [`t${index}`], { timestamp: start + index * 1000 })
    const at = async (timestamp: number) => (await admin.fetchTopicOffsetsByTimestamp('time', timestamp))[0]?.offset
    t.equal(await at(start - 1), '0')
    t.equal(await at(start + 1500), '2')
    t.equal(await at(start + 3000), '3')
    t.equal(await at(start + 60_000), '5', 'the end where nothing is that late')
    const consumer = client(stack).consumer({ groupId: 'time', maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'time', fromBeginning: true })
    const seen: string[] = []
    consumer.on('consumer.group_join', () => { consumer.seek({ topic: 'time', partition: 0, offset: '3' }) })
    await consumeUntil(consumer, ({ message }) => {
      seen.push(String(message.value))
      return message.offset === '4'
    })
    t.strictSame(seen.slice(-2), ['t3', 't4'])
  },
  'idempotent producer': async (t, stack) => {
    await createTopic(t, stack, 'idempotent')
    const producer = client(stack).producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const values = Array.from({ length: 50 }, (_, index) => String(index))
    for (const value of values) await producer.send({ topic: 'idempotent', messages: [{ value }] })
    await producer.disconnect()
    t.strictSame(await readAll(stack, 'idempotent', 'idempotent', 50), values)
  },
  'transaction committed and aborted': async (t, stack) => {
    const admin = await createTopic(t, stack, 'transactions')
    await createTopic(t, stack, 'transactions-input')
    await produce(stack, 'transactions-input', ['x', 'y'])
    const producer = client(stack).producer({ transactionalId: 'transactional', maxInFlightRequests: 1, idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const send = async (values: string[], end: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'transactions', messages: values.map(value => ({ value })) })
      if (end === 'commit') {
        await transaction.sendOffsets({ consumerGroupId: 'transactions-input', topics: [{ topic: 'transactions-input', partitions: [{ partition: 0, offset: '2' }] }] })
      }
      await transaction[end]()
    }
    await send(['aborted 1', 'aborted 2'], 'abort')
    await send(['committed 1', 'committed 2'], 'commit')
    await send(['aborted 3'], 'abort')
    await send(['committed 3'], 'commit')
    await producer.disconnect()
    t.strictSame(await readAll(stack, 'transactions', 'transactions', 3), ['committed 1', 'committed 2', 'committed 3'])
    t.match(await admin.fetchOffsets({ groupId: 'transactions-input', topics: ['transactions-input'] }), [{ partitions: [{ offset: '2' }] }])
    const uncommitted = client(stack).consumer({ groupId: 'uncommitted', readUncommitted: true, maxWaitTimeInMs: 100 })
    await uncommitted.connect()
    await uncommitted.subscribe({ topic: 'transactions', fromBeginning: true })
    const seen: string[] = []
    await consumeUntil(uncommitted, ({ message }) => seen.push(String(message.value)) >= 6)
    t.strictSame(seen, ['aborted 1', 'aborted 2', 'committed 1', 'committed 2', 'aborted 3', 'committed 3'])
  },
  'a zombie is fenced': async (t, stack) => {
    await createTopic(t, stack, 'fenced')
    const options = { transactionalId: 'fenced', maxInFlightRequests: 1, idempotent: true, createPartitioner: Partitioners.DefaultPartitioner, retry: { retries: 2 } }
    const [old, young] = [client(stack).producer(options), client(stack).producer(options)]
    await old.connect()
    const zombie = await old.transaction()
    await zombie.send({ topic: 'fenced', messages: [{ value: 'zombie' }] })
    await young.connect()
    const transaction = await young.transaction()
    await transaction.send({ topic: 'fenced', messages: [{ value: 'young' }] })
    await t.rejects(zombie.send({ topic: 'fenced', messages: [{ value: 'zombie again' }] }))
    await transaction.commit()
    await Promise.all([old.disconnect(), young.disconnect()])
    t.strictSame(await readAll(stack, 'fenced', 'fenced', 1), ['young'])
  },
  delete: async (t, stack) => {
    const admin = await createTopic(t, stack, 'delete')
    await produce(stack, 'delete', ['0', '1', '2', '3'])
    t.match(await admin.fetchTopicOffsets('delete'), [{ low: '0', high: '4' }])
    await admin.deleteTopicRecords({ topic: 'delete', partitions: [{ partition: 0, offset: '3' }] })
    t.match(await admin.fetchTopicOffsets('delete'), [{ low: '3', high: '4' }])
    t.strictSame(await readAll(stack, 'delete', 'delete', 1), ['3'])
    t.match(await admin.deleteGroups(['delete']), [{ groupId: 'delete', errorCode: 0 }])
    await admin.deleteTopics({ topics: ['delete'] })
    t.notOk((await admin.listTopics()).includes('delete'))
    const impatient = new Kafka({ brokers: [stack.brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
    await impatient.connect()
    t.equal(await errorOf(impatient.deleteTopics({ topics: ['delete'] })), 'UNKNOWN_TOPIC_OR_PARTITION')
    await impatient.disconnect()
  }
}

t.test('kafkajs', async t => { await runClient(t, { name: 'kafkajs' }, operations) })
