import t from 'tap'
import type { Consumer, Kafka } from 'kafkajs'
import { clientOf, consume, has, startBroker } from './start.js'

/** Joins and resolves with the partitions given to this member. */
async function member (kafka: Kafka, groupId: string, topic: string, onMessage: (value: string) => void = () => {}) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, heartbeatInterval: 50, sessionTimeout: 6000, rebalanceTimeout: 6000 })
  const assignments: number[][] = []
  const waiting: (() => void)[] = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assignments.push([...payload.memberAssignment[topic] ?? []].sort())
    for (const wake of waiting.splice(0)) wake()
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => onMessage(message.value!.toString()) })
  const assigned = async (test: (partitions: number[]) => boolean): Promise<number[]> => {
    for (;;) {
      const last = assignments.at(-1)
      if (last !== undefined && test(last)) return last
      await new Promise<void>(resolve => waiting.push(resolve))
    }
  }
  return { consumer, assigned }
}

async function stop (...consumers: Consumer[]): Promise<void> {
  await Promise.all(consumers.map(async consumer => await consumer.disconnect()))
}

t.test('members share the partitions, and take over what a leaver had', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 4 })
  const first = await member(kafka, 'g', 'x')
  t.strictSame(await first.assigned(list => list.length === 4), [0, 1, 2, 3])
  const second = await member(kafka, 'g', 'x')
  const [a, b] = await Promise.all([first.assigned(list => list.length === 2), second.assigned(list => list.length === 2)])
  t.strictSame([...a, ...b].sort(), [0, 1, 2, 3])

  const admin = kafka.admin()
  await admin.connect()
  const { groups: [described] } = await admin.describeGroups(['g'])
  t.match(described, { state: 'Stable', protocol: 'RoundRobinAssigner', protocolType: 'consumer', errorCode: 0 })
  t.equal(described!.members.length, 2)
  t.strictSame(await admin.listGroups(), { groups: [{ groupId: 'g', protocolType: 'consumer' }] })
  await t.rejects(admin.deleteGroups(['g']), has({ groups: [{ errorCode: 68 }] }), 'NON_EMPTY_GROUP')

  await stop(second.consumer)
  t.strictSame(await first.assigned(list => list.length === 4), [0, 1, 2, 3])
  await stop(first.consumer)
  await admin.disconnect()
})

t.test('committed offsets are where the next member goes on, across a restart', async t => {
  const { kafka, broker, dataDir } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'x', messages: ['1', '2', '3'].map(value => ({ value })) })
  t.strictSame((await consume(kafka, 'x', 3, { groupId: 'g' })).map(({ value }) => value), ['1', '2', '3'])
  await producer.send({ topic: 'x', messages: [{ value: '4' }] })
  await producer.disconnect()
  await broker.close()

  const again = await startBroker(t, { dataDir })
  const admin = again.kafka.admin()
  await admin.connect()
  t.match(await admin.fetchOffsets({ groupId: 'g', topics: ['x'] }), [{ topic: 'x', partitions: [{ partition: 0, offset: '3' }] }])
  t.strictSame((await consume(again.kafka, 'x', 1, { groupId: 'g' })).map(({ value }) => value), ['4'])
  await admin.setOffsets({ groupId: 'g', topic: 'x', partitions: [{ partition: 0, offset: '1' }] })
  t.strictSame((await consume(again.kafka, 'x', 3, { groupId: 'g' })).map(({ value }) => value), ['2', '3', '4'])
  await admin.deleteGroups(['g'])
  t.match(await admin.fetchOffsets({ groupId: 'g', topics: ['x'] }), [{ partitions: [{ partition: 0, offset: '-1' }] }])
  await t.rejects(admin.deleteGroups(['g']), has({ groups: [{ errorCode: 69 }] }), 'GROUP_ID_NOT_FOUND')
  await admin.disconnect()
})

t.test('a topic that is deleted takes its committed offsets along', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const admin = kafka.admin()
  await admin.connect()
  await admin.setOffsets({ groupId: 'g', topic: 'x', partitions: [{ partition: 0, offset: '1' }] })
  await admin.deleteTopics({ topics: ['x'] })
  await broker.createTopic({ name: 'x', partitions: 1 })
  t.match(await admin.fetchOffsets({ groupId: 'g', topics: ['x'] }), [{ partitions: [{ partition: 0, offset: '-1' }] }])
  await admin.disconnect()
})

t.test('members of two connections and a second client', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 6 })
  const values: string[] = []
  let wake: () => void = () => {}
  const collect = (value: string): void => { values.push(value); wake() }
  const members = await Promise.all([kafka, clientOf(broker), clientOf(broker)].map(async client => await member(client, 'g', 'x', collect)))
  const shares = await Promise.all(members.map(async each => await each.assigned(list => list.length === 2)))
  t.strictSame(shares.flat().sort(), [0, 1, 2, 3, 4, 5])
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'x', messages: Array.from({ length: 60 }, (_, i) => ({ partition: i % 6, value: String(i) })) })
  while (values.length < 60) await new Promise<void>(resolve => { wake = resolve })
  t.strictSame(values.map(Number).sort((a, b) => a - b), Array.from({ length: 60 }, (_, i) => i))
  await producer.disconnect()
  await stop(...members.map(({ consumer }) => consumer))
})
