import t from 'tap'
import { readdir } from 'node:fs/promises'
import { encodeMarker } from '../../../../embedded/records/control.js'
import { compactLog } from '../../../../embedded/broker/log/compaction.js'
import type { DiskLog } from '../../../../embedded/broker/log/partition-log.js'
import { applyRetention } from '../../../../embedded/broker/log/retention.js'
import { batchOf, contents, indexCache, openLog } from '../log-start.js'
import { testdir } from '../../../helpers/testdir.js'

const START = { cleanedOffset: 0, deleteHorizon: undefined }
const roll = async (log: DiskLog): Promise<void> => await log.exclusively(async () => await log.roll())
const commit = (producerId: number, type: 'commit' | 'abort' = 'commit') =>
  encodeMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 })
const transactional = (producerId: number, key: string, value: string, baseSequence = 0) =>
  batchOf([[key, value]], { producerId, producerEpoch: 0, baseSequence, isTransactional: true })

t.test('retention by time drops whole segments, and an active one when all of it is old', async t => {
  const dir = testdir(t)
  const { log } = await openLog(dir, { 'retention.ms': '1000' })
  for (const timestamp of [100, 200, 300]) {
    await log.append(batchOf([['k', String(timestamp)]], {}, timestamp))
    if (timestamp < 300) await roll(log)
  }
  t.equal(await applyRetention(log, 1000), 0)
  t.equal(await applyRetention(log, 1150), 1)
  t.strictSame(await contents(log), ['1 k=200', '2 k=300'])
  t.equal(log.logStartOffset, 1)
  await applyRetention(log, 5000)
  t.match(log, { logStartOffset: 3, logEndOffset: 3 })
  await log.close()
  const { log: reopened } = await openLog(dir, { 'retention.ms': '1000' })
  t.match(reopened, { logStartOffset: 3, logEndOffset: 3 }, 'offsets go on where they were')
  await reopened.close()
})

t.test('retention by size keeps the newest', async t => {
  const { log } = await openLog(testdir(t), { 'retention.bytes': '400', 'retention.ms': '-1' })
  for (let i = 0; i < 5; i++) {
    await log.append(batchOf([['k', 'x'.repeat(130)]]))
    await roll(log)
  }
  const size = log.sizeBytes / 5
  t.ok(size > 200 && size < 250)
  t.equal(await applyRetention(log, 1e12), 3, 'as long as more than 400 bytes stay')
  t.equal(log.logStartOffset, 3)
  await log.close()
})

t.test('unlimited retention and compacted topics keep everything', async t => {
  for (const config of [{ 'retention.ms': '-1' }, { 'cleanup.policy': 'compact', 'retention.ms': '1' }]) {
    const { log } = await openLog(testdir(t, { [JSON.stringify(config).length]: {} }), config)
    await log.append(batchOf([['k', 'old']]))
    await roll(log)
    t.equal(await applyRetention(log, 1e12), 0)
    await log.close()
  }
})

t.test('compaction keeps the newest of each key at its offset', async t => {
  const dir = testdir(t)
  const config = { 'cleanup.policy': 'compact', 'delete.retention.ms': '500' }
  const { log, time } = await openLog(dir, config)
  await log.append(batchOf([['a', '1'], ['b', '1'], ['c', '1']]))
  await log.append(batchOf([['a', '2'], ['d', '1']]))
  await roll(log)
  await log.append(batchOf([['b', null], ['c', '2']]))
  await roll(log)
  await log.append(batchOf([['c', '3']]))
  const first = await compactLog(log, START, indexCache, time.now)
  t.match(first, { cleanedOffset: 7, deleteHorizon: time.now + 500 })
  t.strictSame(await contents(log), ['3 a=2', '4 d=1', '5 b=null', '6 c=2', '7 c=3'], 'the active segment is left alone')
  t.ok(first!.bytesAfter < first!.bytesBefore)
  t.equal(await compactLog(log, first!, indexCache, time.now), undefined, 'nothing is dirty')

  const second = await compactLog(log, first!, indexCache, time.now + 501)
  t.strictSame(await contents(log), ['3 a=2', '4 d=1', '6 c=2', '7 c=3'], 'the tombstone had its time')
  t.equal(second!.deleteHorizon, undefined)
  t.strictSame(await log.read(0, 1).then(({ batches }) => batches.readInt32BE(4)), 3, 'a read below finds the next that is left')
  await log.close()

  const { log: reopened, warnings } = await openLog(dir, config)
  t.strictSame(await contents(reopened), ['3 a=2', '4 d=1', '6 c=2', '7 c=3'])
  t.strictSame(warnings, [])
  t.equal((await readdir(dir)).filter(name => name.endsWith('.cleaned')).length, 0)
  await reopened.close()
})

t.test('the dirty ratio and the compaction lag decide when', async t => {
  const { log, time } = await openLog(testdir(t), {
    'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.6', 'min.compaction.lag.ms': '1000'
  })
  await log.append(batchOf([['a', '1']], {}, time.now))
  await roll(log)
  await log.append(batchOf([['a', '2']], {}, time.now + 5))
  await roll(log)
  t.equal(await compactLog(log, START, indexCache, time.now + 500), undefined, 'too young')
  t.equal(await compactLog(log, { ...START, cleanedOffset: 1 }, indexCache, time.now + 5000), undefined, 'half of it is dirty')
  t.match(await compactLog(log, START, indexCache, time.now + 5000), { cleanedOffset: 2 })
  t.strictSame(await contents(log), ['1 a=2'])
  await log.close()
})

t.test('the longest lag compacts what nothing is appended to, whatever the dirty ratio', async t => {
  const { log, time } = await openLog(testdir(t), { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': '1000' })
  const begun = time.now
  await log.append(batchOf([['a', '1'], ['b', '1']], {}, begun))
  await log.append(batchOf([['a', '2']], {}, begun + 900))
  t.equal(await compactLog(log, START, indexCache, begun + 1_000), undefined, 'not yet')
  t.equal(log.segments.length, 1)
  t.match(await compactLog(log, START, indexCache, begun + 1_001), { cleanedOffset: 3 })
  t.strictSame(await contents(log), ['1 b=1', '2 a=2'])
  await log.append(batchOf([['a', '3']], {}, begun + 2_000))
  await log.append(batchOf([['a', '4']], {}, begun + 3_001))
  t.match(log.segments.map(({ baseOffset }) => baseOffset), [0, 3, 4], 'an append ends a segment that has reached it')
  t.equal(await compactLog(log, { ...START, cleanedOffset: 3 }, indexCache, begun + 3_000), undefined, 'half of it is dirty, and none too old')
  t.match(await compactLog(log, { ...START, cleanedOffset: 3 }, indexCache, begun + 3_001), { cleanedOffset: 4 })
  await log.close()
})

t.test('what was compacted away is not read from memory either', async t => {
  const { log, time } = await openLog(testdir(t), { 'cleanup.policy': 'compact' }, 0, 1_000_000)
  await log.append(batchOf([['a', '1']]))
  await log.append(batchOf([['a', '2']]))
  await roll(log)
  t.strictSame(await contents(log), ['0 a=1', '1 a=2'])
  t.match(await compactLog(log, START, indexCache, time.now), { cleanedOffset: 2 })
  t.strictSame(await contents(log), ['1 a=2'])
  await log.close()
})

t.test('aborted records go, open transactions stay, markers outlive their records for a while', async t => {
  const { log, time } = await openLog(testdir(t), { 'cleanup.policy': 'compact', 'delete.retention.ms': '500' })
  await log.append(transactional(1, 'a', 'committed'))
  await log.appendBatch(commit(1), 'coordinator')
  await log.append(transactional(2, 'a', 'aborted'))
  await log.appendBatch(commit(2, 'abort'), 'coordinator')
  await roll(log)
  await log.append(transactional(3, 'b', 'open'))
  await roll(log)
  await log.append(batchOf([['c', '1']]))
  const first = await compactLog(log, START, indexCache, time.now)
  t.strictSame(await contents(log), ['0 a=committed', '4 b=open', '5 c=1'])
  t.equal(first!.cleanedOffset, 4, 'not beyond what is stable')
  t.equal(log.producers.aborted.length, 1, 'a reader may still be in the middle of it')
  await log.appendBatch(commit(3), 'coordinator')
  await log.append(batchOf([['a', 'newer']]))
  await roll(log)
  const second = await compactLog(log, first!, indexCache, time.now + 600)
  t.strictSame(await contents(log), ['4 b=open', '5 c=1', '7 a=newer'])
  t.strictSame(log.producers.aborted, [], 'its marker is gone')
  const third = await compactLog(log, second!, indexCache, time.now + 1200)
  t.ok(third!.bytesAfter < second!.bytesAfter, 'and now the marker of the commit of which nothing is left')
  t.strictSame(await contents(log), ['4 b=open', '5 c=1', '7 a=newer'])
  await log.close()
})
