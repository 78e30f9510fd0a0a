import t, { type Test } from 'tap'
import type { Admin } from 'kafkajs'
import { has, startBroker, type Started } from './start.js'

/** ConfigResourceTypes.TOPIC, which kafkajs does not export as a name that ES modules see. */
const TOPIC = 2

async function withAdmin (t: Test, options = {}): Promise<Started & { admin: Admin }> {
  const started = await startBroker(t, options)
  const admin = started.kafka.admin()
  await admin.connect()
  t.teardown(async () => await admin.disconnect())
  return { ...started, admin }
}

t.test('topics are created, listed, grown and deleted', async t => {
  const { admin, broker } = await withAdmin(t)
  t.equal(await admin.createTopics({ topics: [{ topic: 'links', numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '-1' }] }] }), true)
  t.equal(await admin.createTopics({ topics: [{ topic: 'links', numPartitions: 3 }] }), false, 'kafkajs gives false for a topic that exists')
  t.ok((await admin.listTopics()).includes('links'))
  t.strictSame(broker.describeTopic('links'), { name: 'links', partitions: 3, replicationFactor: 1, config: { 'retention.ms': '-1' } })

  const { topics: [described] } = await admin.fetchTopicMetadata({ topics: ['links'] })
  const shown = described!.partitions.map(({ partitionId, leader, replicas, isr }) => ({ partitionId, leader, replicas, isr }))
  t.strictSame(shown.sort((a, b) => a.partitionId - b.partitionId),
    [0, 1, 2].map(partitionId => ({ partitionId, leader: 1, replicas: [1], isr: [1] })))

  await admin.createPartitions({ topicPartitions: [{ topic: 'links', count: 5 }] })
  t.equal(broker.describeTopic('links')!.partitions, 5)
  await t.rejects(admin.createPartitions({ topicPartitions: [{ topic: 'links', count: 2 }] }), has({ type: 'INVALID_PARTITIONS' }))

  await admin.deleteTopics({ topics: ['links'] })
  t.equal(broker.describeTopic('links'), undefined)
  await t.rejects(admin.deleteTopics({ topics: ['links'] }), has({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } }))
  await t.rejects(admin.fetchTopicMetadata({ topics: ['links'] }), has({ type: 'UNKNOWN_TOPIC_OR_PARTITION' }))
})

t.test('topics that cannot be are refused with the reason', async t => {
  const { admin, broker } = await withAdmin(t)
  const create = async (topic: object) => await admin.createTopics({ topics: [{ topic: 'x', ...topic }] })
  const refused = async (topic: object, type: string) => await t.rejects(create(topic), has({ errors: [{ type }] }), JSON.stringify(topic))
  await refused({ topic: 'a b' }, 'INVALID_TOPIC_EXCEPTION')
  await refused({ topic: 'x'.repeat(250) }, 'INVALID_TOPIC_EXCEPTION')
  await refused({ topic: '..' }, 'INVALID_TOPIC_EXCEPTION')
  await refused({ numPartitions: 0 }, 'INVALID_PARTITIONS')
  await refused({ replicationFactor: 3 }, 'INVALID_REPLICATION_FACTOR')
  await refused({ configEntries: [{ name: 'no.such.thing', value: '1' }] }, 'INVALID_CONFIG')
  await refused({ configEntries: [{ name: 'retention.ms', value: 'soon' }] }, 'INVALID_CONFIG')
  await refused({ configEntries: [{ name: 'cleanup.policy', value: 'burn' }] }, 'INVALID_CONFIG')
  t.strictSame(broker.listTopics(), [])
  await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic: 'x' }] })
  t.strictSame(broker.listTopics(), [], 'validateOnly creates nothing')
})

t.test('settings are described and altered', async t => {
  const { admin } = await withAdmin(t)
  await admin.createTopics({ topics: [{ topic: 'x', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }] })
  const describe = async (...configNames: string[]) => {
    const { resources: [resource] } = await admin.describeConfigs({
      includeSynonyms: false, resources: [{ type: TOPIC, name: 'x', configNames }]
    })
    return Object.fromEntries(resource!.configEntries.map(({ configName, configValue, configSource }) => [configName, [configValue, configSource]]))
  }
  // Sources as in DescribeConfigsResponse.ConfigSource: 1 the topic's own, 5 Kafka's default.
  t.strictSame(await describe('cleanup.policy', 'retention.ms'), { 'cleanup.policy': ['compact', 1], 'retention.ms': ['604800000', 5] })
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: TOPIC, name: 'x', configEntries: [{ name: 'max.message.bytes', value: '2000' }] }]
  })
  t.strictSame(await describe('cleanup.policy', 'max.message.bytes'), { 'cleanup.policy': ['delete', 5], 'max.message.bytes': ['2000', 1] },
    'AlterConfigs replaces everything')
  t.ok(Object.keys(await describe()).length > 20)
  await t.rejects(admin.alterConfigs({
    validateOnly: false, resources: [{ type: TOPIC, name: 'x', configEntries: [{ name: 'segment.bytes', value: '1' }] }]
  }), has({ type: 'INVALID_CONFIG' }))
})

t.test('the cluster says who it is', async t => {
  const { admin, broker } = await withAdmin(t)
  const { brokers, controller, clusterId } = await admin.describeCluster()
  t.strictSame(brokers, [{ nodeId: 1, host: '127.0.0.1', port: broker.address.port }])
  t.equal(controller, 1)
  t.match(clusterId, /^[\w-]{22}$/)
})

t.test('unknown topics are made by asking only where the broker is told so', async t => {
  const { admin, kafka, broker } = await withAdmin(t)
  const producer = kafka.producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await t.rejects(producer.send({ topic: 'new', messages: [{ value: 'x' }] }))
  t.equal(broker.describeTopic('new'), undefined)
  await producer.disconnect()
  await admin.disconnect()
  await broker.close()
  const second = await startBroker(t, { autoCreateTopics: true, defaultPartitions: 4 })
  const willing = second.kafka.producer()
  await willing.connect()
  await willing.send({ topic: 'new', messages: [{ value: 'x' }] })
  await willing.disconnect()
  t.equal(second.broker.describeTopic('new')!.partitions, 4)
})

t.test('records before an offset are deleted, and stay so', async t => {
  const { admin, kafka, broker, dataDir } = await withAdmin(t)
  await admin.createTopics({ topics: [{ topic: 'x', numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  for (let i = 0; i < 10; i++) await producer.send({ topic: 'x', messages: [{ value: String(i) }] })
  await producer.disconnect()
  t.match(await admin.fetchTopicOffsets('x'), [{ low: '0', high: '10' }])
  await admin.deleteTopicRecords({ topic: 'x', partitions: [{ partition: 0, offset: '7' }] })
  t.match(await admin.fetchTopicOffsets('x'), [{ low: '7', high: '10' }])
  await t.rejects(broker.partition('x', 0)!.read(6, 1000), { code: 'OFFSET_OUT_OF_RANGE' })
  await admin.disconnect()
  await broker.close()
  const again = await startBroker(t, { dataDir })
  t.match(again.broker.partition('x', 0), { logStartOffset: 7, logEndOffset: 10 })
})
