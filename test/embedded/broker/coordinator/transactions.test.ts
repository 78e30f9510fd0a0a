import t, { type Test } from 'tap'
import { join } from 'node:path'
import { TransactionCoordinator } from '../../../../embedded/broker/coordinator/transactions.js'
import type { ProducerIds } from '../../../../embedded/broker/coordinator/producer-ids.js'
import type { DiskLog } from '../../../../embedded/broker/log/partition-log.js'
import { batchOf, openLog } from '../log-start.js'
import { testdir } from '../../../helpers/testdir.js'

const SETTINGS = { timeoutMsMax: 60_000, idExpirationMs: 1000 }
const FIRST = { producerId: -1, producerEpoch: -1 }

/** A coordinator over two real logs; `broken` makes markers fail as a full disk would. */
async function setUp (t: Test) {
  const dir = testdir(t, { state: {}, data: {} })
  const { log: state, time } = await openLog(join(dir, 'state'))
  const { log: data } = await openLog(join(dir, 'data'))
  const disk = { broken: false }
  let next = 0
  const ids = { next: async () => next++ } as unknown as ProducerIds
  const ended: string[] = []
  const failing = { appendBatch: async () => { throw new Error('no space') } } as unknown as DiskLog
  const open = async () => await TransactionCoordinator.open({
    log: state,
    partition: topic => topic !== 'x' ? undefined : disk.broken ? failing : data,
    onEnd: ({ topic }, producerId, type) => ended.push(`${topic} ${producerId} ${type}`),
    warn: () => {},
    clock: () => time.now
  }, ids, SETTINGS)
  const coordinator = await open()
  t.teardown(async () => { await coordinator.close(); await state.close(); await data.close() })
  const write = async (producerId: number, producerEpoch: number, baseSequence = 0) =>
    await data.append(batchOf([['k', 'v']], { producerId, producerEpoch, baseSequence, isTransactional: true }))
  return { coordinator, open, data, disk, time, ended, write }
}

const X = [{ topic: 'x', partition: 0 }]

t.test('an id keeps its producer and raises its epoch; a stale owner is fenced', async t => {
  const { coordinator } = await setUp(t)
  t.strictSame(await coordinator.initProducerId('tx', 1000, FIRST), { producerId: 0, producerEpoch: 0 })
  t.strictSame(await coordinator.initProducerId('tx', 1000, FIRST), { producerId: 0, producerEpoch: 1 })
  t.strictSame(await coordinator.initProducerId('other', 1000, FIRST), { producerId: 1, producerEpoch: 0 })
  await t.rejects(coordinator.initProducerId('tx', 1000, { producerId: 0, producerEpoch: 0 }), { code: 'PRODUCER_FENCED' })
  t.strictSame(await coordinator.initProducerId('tx', 1000, { producerId: 0, producerEpoch: 1 }), { producerId: 0, producerEpoch: 2 })
  await t.rejects(coordinator.addPartitions('tx', 0, 1, X), { code: 'PRODUCER_FENCED' })
  await t.rejects(coordinator.addPartitions('tx', 9, 0, X), { code: 'INVALID_PRODUCER_ID_MAPPING' })
  await t.rejects(coordinator.addPartitions('none', 9, 0, X), { code: 'INVALID_PRODUCER_ID_MAPPING' })
  await t.rejects(coordinator.initProducerId('tx', 60_001, FIRST), { code: 'INVALID_TRANSACTION_TIMEOUT' })
  await t.rejects(coordinator.initProducerId('', 1000, FIRST), { code: 'INVALID_REQUEST' })
})

t.test('ends are answered by what stands', async t => {
  const { coordinator, data, write, ended } = await setUp(t)
  await coordinator.initProducerId('tx', 1000, FIRST)
  await t.rejects(coordinator.end('tx', 0, 0, 'commit'), { code: 'INVALID_TXN_STATE' }, 'nothing was begun')
  t.equal(coordinator.produceFault(0, 0, 'x', 0), 'INVALID_TXN_STATE')
  t.equal(coordinator.produceFault(7, 0, 'x', 0), 'INVALID_PRODUCER_ID_MAPPING')
  await coordinator.addPartitions('tx', 0, 0, X)
  t.equal(coordinator.produceFault(0, 0, 'x', 0), undefined)
  await write(0, 0)
  await coordinator.end('tx', 0, 0, 'commit')
  t.match(data, { logEndOffset: 2, lastStableOffset: 2 })
  t.strictSame(ended, ['x 0 commit'])
  await coordinator.end('tx', 0, 0, 'commit')
  t.equal(data.logEndOffset, 2, 'a repeat writes nothing')
  await t.rejects(coordinator.end('tx', 0, 0, 'abort'), { code: 'INVALID_TXN_STATE' })
})

for (const type of ['commit', 'abort'] as const) {
  t.test(`decided to ${type}, killed before the markers: the next start writes them`, async t => {
    const { coordinator, open, data, disk, write } = await setUp(t)
    await coordinator.initProducerId('tx', 1000, FIRST)
    await coordinator.addPartitions('tx', 0, 0, X)
    await write(0, 0)
    disk.broken = true
    await t.rejects(coordinator.end('tx', 0, 0, type))
    t.equal(data.lastStableOffset, 0)
    disk.broken = false
    const next = await open()
    t.teardown(async () => await next.close())
    t.match(data, { logEndOffset: 2, lastStableOffset: 2 })
    t.equal(data.producers.aborted.length, type === 'abort' ? 1 : 0)
    t.equal(next.get('tx')!.state, type === 'commit' ? 'CompleteCommit' : 'CompleteAbort')
  })

  t.test(`decided to ${type}, the disk full for a while: asking again writes the markers`, async t => {
    const { coordinator, data, disk, write } = await setUp(t)
    await coordinator.initProducerId('tx', 1000, FIRST)
    await coordinator.addPartitions('tx', 0, 0, X)
    await write(0, 0)
    disk.broken = true
    await t.rejects(coordinator.end('tx', 0, 0, type))
    disk.broken = false
    await coordinator.end('tx', 0, 0, type)
    t.match(data, { logEndOffset: 2, lastStableOffset: 2 })
  })
}

t.test('time out aborts under a higher epoch; a deleted topic needs no marker', async t => {
  const { coordinator, data, time, write } = await setUp(t)
  await coordinator.initProducerId('tx', 1000, FIRST)
  await coordinator.addPartitions('tx', 0, 0, [...X, { topic: 'deleted', partition: 0 }])
  await write(0, 0)
  await coordinator.abortTimedOut()
  t.equal(data.lastStableOffset, 0, 'it has time')
  time.now += 1000
  await coordinator.abortTimedOut()
  t.match(data, { logEndOffset: 2, lastStableOffset: 2 })
  await t.rejects(coordinator.end('tx', 0, 0, 'commit'), { code: 'PRODUCER_FENCED' })
  await t.rejects(write(0, 0, 1), { code: 'INVALID_PRODUCER_EPOCH' }, 'the partition fences it too')
})

t.test('ids that nobody uses are forgotten, also after a restart', async t => {
  const { coordinator, open, time } = await setUp(t)
  await coordinator.initProducerId('tx', 1000, FIRST)
  await coordinator.initProducerId('busy', 1000, FIRST)
  await coordinator.addPartitions('busy', 1, 0, X)
  time.now += 2000
  await coordinator.expireIds()
  t.strictSame([...coordinator.all()].map(({ transactionalId }) => transactionalId), ['busy'])
  const next = await open()
  t.teardown(async () => await next.close())
  t.strictSame([...next.all()].map(({ transactionalId }) => transactionalId), ['busy'])
})
