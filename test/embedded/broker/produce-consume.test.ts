import t from 'tap'
import { CompressionTypes } from 'kafkajs'
import { BatchView, encodeBatch, iterateBatches } from '../../../embedded/records/batch.js'
import { consume, has, startBroker } from './start.js'
import { testdir } from '../../helpers/testdir.js'

t.test('what is produced is consumed, key, value, headers and time', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 2 })
  const producer = kafka.producer()
  await producer.connect()
  const sent = await producer.send({
    topic: 'x',
    messages: [
      { partition: 0, key: 'a', value: 'one', headers: { trace: '7' }, timestamp: '1760000000000' },
      { partition: 0, key: null, value: null, timestamp: '1760000000001' },
      { partition: 1, key: 'b', value: 'two', timestamp: '1760000000002' }
    ]
  })
  t.strictSame(sent.map(({ partition, errorCode, baseOffset }) => ({ partition, errorCode, baseOffset })).sort((a, b) => a.partition - b.partition),
    [{ partition: 0, errorCode: 0, baseOffset: '0' }, { partition: 1, errorCode: 0, baseOffset: '0' }])
  await producer.disconnect()
  const messages = (await consume(kafka, 'x', 3)).sort((a, b) => a.timestamp < b.timestamp ? -1 : 1)
  t.strictSame(messages, [
    { partition: 0, offset: '0', key: 'a', value: 'one', headers: { trace: '7' }, timestamp: '1760000000000' },
    { partition: 0, offset: '1', key: null, value: null, headers: {}, timestamp: '1760000000001' },
    { partition: 1, offset: '0', key: 'b', value: 'two', headers: {}, timestamp: '1760000000002' }
  ])
})

t.test('acks 0, 1 and all; gzip', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const producer = kafka.producer()
  await producer.connect()
  for (const acks of [0, 1, -1]) await producer.send({ topic: 'x', acks, messages: [{ value: `acks ${acks}` }] })
  await producer.send({ topic: 'x', compression: CompressionTypes.GZIP, messages: [{ value: 'zipped' }] })
  await producer.disconnect()
  t.strictSame((await consume(kafka, 'x', 4)).map(({ value }) => value), ['acks 0', 'acks 1', 'acks -1', 'zipped'])
})

t.test('a long poll ends when something comes, not before', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const log = broker.partition('x', 0)!
  const reading = consume(kafka, 'x', 1)
  const seen = new Promise<void>(resolve => log.onAppend(resolve))
  await log.append(encodeBatch([{ timestamp: 1, key: null, value: Buffer.from('late') }]))
  await seen
  t.strictSame((await reading).map(({ value }) => value), ['late'])
})

t.test('a batch that is too large, broken or not one is refused and not kept', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1, config: { 'max.message.bytes': '1000' } })
  const producer = kafka.producer()
  await producer.connect()
  await t.rejects(producer.send({ topic: 'x', messages: [{ value: Buffer.alloc(1000) }] }), has({ type: 'MESSAGE_TOO_LARGE' }))
  await producer.disconnect()
  const log = broker.partition('x', 0)!
  const batch = encodeBatch([{ timestamp: 1, key: null, value: Buffer.from('v') }])
  const broken = Buffer.from(batch)
  broken[broken.length - 1]! ^= 1
  await t.rejects(log.append(broken), { code: 'CORRUPT_MESSAGE' })
  await t.rejects(log.append(batch.subarray(0, 50)), { code: 'CORRUPT_MESSAGE' })
  await t.rejects(log.append(Buffer.concat([batch, batch])), { code: 'INVALID_RECORD' })
  await t.rejects(log.append(encodeBatch([{ timestamp: 1, key: null, value: null }], { isControl: true })), { code: 'INVALID_RECORD' })
  t.equal(log.logEndOffset, 0)
})

t.test('append time stamps records with the broker\'s clock; compacted topics want keys', async t => {
  const { broker } = await startBroker(t, { clock: () => 1234 })
  await broker.createTopic({ name: 'stamped', partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } })
  await broker.createTopic({ name: 'table', partitions: 1, config: { 'cleanup.policy': 'compact' } })
  const stamped = broker.partition('stamped', 0)!
  await stamped.append(encodeBatch([{ timestamp: 99, key: null, value: Buffer.from('v') }]))
  const { batches } = await stamped.read(0, 1000)
  t.equal(new BatchView(batches).records()[0]!.timestamp, 1234)
  await t.rejects(broker.partition('table', 0)!.append(encodeBatch([{ timestamp: 1, key: null, value: null }])), { code: 'INVALID_RECORD' })
})

t.test('offsets by time', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1, config: { 'segment.bytes': '4000', 'index.interval.bytes': '200' } })
  const log = broker.partition('x', 0)!
  for (let i = 0; i < 100; i++) {
    await log.append(encodeBatch([0, 1].map(j => ({ timestamp: 1000 + i * 20 + j * 10, key: null, value: Buffer.alloc(40) }))))
  }
  const admin = kafka.admin()
  await admin.connect()
  const at = async (timestamp: number) => (await admin.fetchTopicOffsetsByTimestamp('x', timestamp))[0]!.offset
  t.equal(await at(0), '0')
  t.equal(await at(1000), '0')
  t.equal(await at(1001), '1')
  t.equal(await at(1500), '50')
  t.equal(await at(1505), '51')
  t.equal(await at(2990), '199')
  t.equal(await at(2991), '200', 'kafkajs gives the end where nothing is so new')
  await admin.disconnect()
  t.strictSame(await log.offsetForTimestamp(1995), { offset: 100, timestamp: 2000 })
  t.equal(await log.offsetForTimestamp(3000), undefined)
})

t.test('every offset can be read from files and from memory alike', async t => {
  for (const tailCacheBytes of [0, 1 << 20]) {
    const { broker } = await startBroker(t, { tailCacheBytes, dataDir: testdir(t, { [String(tailCacheBytes)]: {} }) })
    await broker.createTopic({ name: 'x', partitions: 1, config: { 'segment.bytes': '5000', 'index.interval.bytes': '300' } })
    const log = broker.partition('x', 0)!
    const sizes: number[] = []
    for (let i = 0; i < 60; i++) {
      const batch = encodeBatch(Array.from({ length: 1 + i % 5 }, () => ({ timestamp: i, key: null, value: Buffer.alloc(20 + i * 7, i) })))
      sizes.push(batch.length)
      await log.append(batch)
    }
    for (let offset = 0; offset < log.logEndOffset; offset++) {
      const { batches } = await log.read(offset, 1)
      const [view, ...more] = iterateBatches(batches)
      t.ok(view!.baseOffset <= offset && view!.lastOffset >= offset && more.length === 0, `offset ${offset}, cache of ${tailCacheBytes}`)
    }
    const some = await log.read(10, 3000)
    t.ok(some.batches.length <= 3000 && some.batches.length > 1500, 'as many whole batches as fit')
    t.equal((await log.read(log.logEndOffset, 1000)).batches.length, 0)
    await t.rejects(log.read(log.logEndOffset + 1, 1000), { code: 'OFFSET_OUT_OF_RANGE' })
    await t.rejects(log.read(-1, 1000), { code: 'OFFSET_OUT_OF_RANGE' })
    await broker.close()
  }
})
