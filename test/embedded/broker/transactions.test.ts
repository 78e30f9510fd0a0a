import t from 'tap'
import { consume, startBroker } from './start.js'

t.test('commit shows, abort does not; offsets go with the transaction', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const producer = kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const log = broker.partition('x', 0)!
  for (let i = 0; i < 6; i++) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'x', messages: [{ value: `a${i}` }, { value: `b${i}` }] })
    t.equal(log.lastStableOffset, i * 3, 'nothing of it is stable')
    await transaction.sendOffsets({ consumerGroupId: 'g', topics: [{ topic: 'x', partitions: [{ partition: 0, offset: String(i * 3) }] }] })
    if (i % 2 === 0) await transaction.commit()
    else await transaction.abort()
    t.equal(log.lastStableOffset, i * 3 + 3, 'two records and a marker')
  }
  await producer.disconnect()
  t.strictSame((await consume(kafka, 'x', 6)).map(({ value }) => value), ['a0', 'b0', 'a2', 'b2', 'a4', 'b4'])
  t.equal((await consume(kafka, 'x', 12, { readUncommitted: true })).length, 12)
  const admin = kafka.admin()
  await admin.connect()
  t.match(await admin.fetchOffsets({ groupId: 'g', topics: ['x'] }), [{ partitions: [{ partition: 0, offset: '12' }] }], 'the last committed one\'s')
  await admin.disconnect()
  const { abortedTransactions } = await log.read(0, 1e6)
  t.strictSame(abortedTransactions.map(({ firstOffset }) => firstOffset), [3, 9, 15])
})

t.test('a successor fences its predecessor and ends what that left open', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const make = () => kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1, retry: { retries: 1, initialRetryTime: 5 } })
  const zombie = make()
  await zombie.connect()
  const old = await zombie.transaction()
  await old.send({ topic: 'x', messages: [{ value: 'lost' }] })
  const successor = make()
  await successor.connect()
  const next = await successor.transaction()
  await next.send({ topic: 'x', messages: [{ value: 'kept' }] })
  await t.rejects(old.send({ topic: 'x', messages: [{ value: 'from the grave' }] }), /epoch/i)
  await next.commit()
  t.strictSame((await consume(kafka, 'x', 1)).map(({ value }) => value), ['kept'])
  t.equal(broker.partition('x', 0)!.logEndOffset, 4, 'lost, abort, kept, commit')
  await successor.disconnect()
  await zombie.disconnect()
})

t.test('an open transaction is aborted when its time is up', async t => {
  const { kafka, broker } = await startBroker(t)
  await broker.createTopic({ name: 'x', partitions: 1 })
  const producer = kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1, transactionTimeout: 50, retry: { retries: 1, initialRetryTime: 5 } })
  await producer.connect()
  const log = broker.partition('x', 0)!
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'x', messages: [{ value: 'late' }] })
  while (log.lastStableOffset < 2) await new Promise<void>(resolve => { const stop = log.onAppend(() => { stop(); resolve() }) })
  t.equal(log.logEndOffset, 2, 'the record and its abort marker')
  await t.rejects(transaction.commit(), /epoch|fenced/i)
  await producer.disconnect()
})

t.test('a transaction that a kill interrupted ends after the restart', async t => {
  const first = await startBroker(t)
  await first.broker.createTopic({ name: 'x', partitions: 1 })
  const producer = first.kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1, retry: { retries: 1, initialRetryTime: 5 } })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'x', messages: [{ value: 'open' }] })
  await first.broker.close()
  await producer.disconnect()

  const second = await startBroker(t, { dataDir: first.dataDir })
  const log = second.broker.partition('x', 0)!
  t.match(log, { logEndOffset: 1, lastStableOffset: 0 })
  const successor = second.kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
  await successor.connect()
  const next = await successor.transaction()
  await next.send({ topic: 'x', messages: [{ value: 'second' }] })
  await next.commit()
  await successor.disconnect()
  t.strictSame((await consume(second.kafka, 'x', 1)).map(({ value }) => value), ['second'])
})
