import t from 'tap'
import { encodeMarker } from '../../../../embedded/records/control.js'
import { batchOf, openLog } from '../log-start.js'
import { testdir } from '../../../helpers/testdir.js'

const idempotent = (baseSequence: number, producerEpoch = 0, isTransactional = false) =>
  batchOf([['k', `${baseSequence}`]], { producerId: 5, producerEpoch, baseSequence, isTransactional })
const marker = (type: 'commit' | 'abort', producerId = 5, producerEpoch = 0) =>
  encodeMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestamp: 1 })

t.test('sequences follow each other within an epoch, and begin at 0 in the next', async t => {
  const { log } = await openLog(testdir(t))
  t.teardown(async () => await log.close())
  await log.append(idempotent(40))
  t.equal(log.logEndOffset, 1, 'a producer nobody knows may begin anywhere')
  await t.rejects(log.append(idempotent(42)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  await log.append(idempotent(41))
  await t.rejects(log.append(idempotent(7, 1)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }, 'a new epoch')
  await log.append(idempotent(0, 1))
  await t.rejects(log.append(idempotent(42, 0)), { code: 'INVALID_PRODUCER_EPOCH' }, 'an old epoch')
  t.strictSame(await log.append(idempotent(0, 1)), { baseOffset: 2, duplicate: true })
})

t.test('sequences wrap around at 2^31', async t => {
  const { log } = await openLog(testdir(t))
  t.teardown(async () => await log.close())
  await log.append(batchOf([['a', ''], ['b', ''], ['c', '']], { producerId: 5, producerEpoch: 0, baseSequence: 0x7ffffffe }))
  t.strictSame(await log.append(idempotent(1)), { baseOffset: 3, duplicate: false })
})

t.test('many at once: one write, order kept, repeats seen among themselves', async t => {
  const { log } = await openLog(testdir(t))
  t.teardown(async () => await log.close())
  const results = await Promise.allSettled([0, 1, 1, 3, 2, 3].map(async sequence => await log.append(idempotent(sequence))))
  t.match(results, [
    { value: { baseOffset: 0, duplicate: false } },
    { value: { baseOffset: 1, duplicate: false } },
    { value: { baseOffset: 1, duplicate: true } },
    { reason: { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' } },
    { value: { baseOffset: 2, duplicate: false } },
    { value: { baseOffset: 3, duplicate: false } }
  ])
  t.equal(log.logEndOffset, 4)
})

t.test('the last stable offset waits for the oldest open transaction', async t => {
  const { log } = await openLog(testdir(t))
  t.teardown(async () => await log.close())
  const other = (sequence: number) => batchOf([['o', '']], { producerId: 6, producerEpoch: 0, baseSequence: sequence, isTransactional: true })
  await log.append(batchOf([['plain', '']]))
  await log.append(idempotent(0, 0, true))
  await log.append(other(0))
  t.equal(log.lastStableOffset, 1)
  await log.appendBatch(marker('abort', 6), 'coordinator')
  t.equal(log.lastStableOffset, 1)
  await log.append(idempotent(1, 0, true))
  await log.appendBatch(marker('commit'), 'coordinator')
  t.equal(log.lastStableOffset, 6)
  const { abortedTransactions } = await log.read(0, 1e6)
  t.strictSame(abortedTransactions.map(({ producerId, firstOffset }) => [producerId, firstOffset]), [[6, 2]])
  await t.rejects(log.append(marker('commit')), { code: 'INVALID_RECORD' }, 'clients write no markers')
})

t.test('within a transaction a plain batch of the same producer is refused', async t => {
  const { log } = await openLog(testdir(t))
  t.teardown(async () => await log.close())
  await log.append(idempotent(0, 0, true))
  await t.rejects(log.append(idempotent(1)), { code: 'INVALID_TXN_STATE' })
})
