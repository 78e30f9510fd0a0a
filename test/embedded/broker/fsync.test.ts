import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { encodeBatch } from '../../../embedded/records/batch.js'
import type { PartitionLog } from '../../../embedded/log.js'
import { testdir } from '../../helpers/testdir.js'

/** Stands before the system's fdatasync: what is asked of it waits while `held`. */
const disk = { held: false, waiting: [] as (() => void)[], synced: 0, asked: () => {} }
const fdatasync = fs.fdatasync
Object.assign(fs, {
  fdatasync: (file: number, done: (error: Error | null) => void) => {
    const sync = () => fdatasync(file, error => { disk.synced++; done(error) })
    if (!disk.held) sync()
    else {
      disk.waiting.push(sync)
      disk.asked()
    }
  }
})
syncBuiltinESMExports()

/** A broker that was loaded after the above, with one topic, and nothing on its way to the disk. */
async function partition (dataDir: string, fsync: 'always' | 'interval'): Promise<{ log: PartitionLog, close: () => Promise<void> }> {
  const { Broker } = await import('../../../embedded/broker/broker.js')
  const broker = await Broker.open({ dataDir, host: '127.0.0.1', port: 0, fsync, fsyncIntervalMs: 3_600_000 })
  await broker.createTopic({ name: 'topic', partitions: 1 })
  return { log: broker.partition('topic', 0)!, close: async () => await broker.close() }
}

const batch = () => encodeBatch([{ timestamp: 0, key: null, value: Buffer.from('value') }])

t.test('always: acknowledged only when the disk has it', async t => {
  const { log, close } = await partition(testdir(t), 'always')
  disk.held = true
  const asked = new Promise<void>(resolve => { disk.asked = resolve })
  let acknowledged = false
  const appended = log.append(batch()).then(result => {
    acknowledged = true
    return result
  })
  await asked
  await new Promise(resolve => setImmediate(resolve))
  t.equal(acknowledged, false, 'written, not yet on the disk: no answer')
  disk.held = false
  for (const sync of disk.waiting.splice(0)) sync()
  t.equal((await appended).baseOffset, 0)
  t.ok(acknowledged)
  await close()
})

t.test('interval: acknowledged when written; on the disk at the latest on close', async t => {
  const { log, close } = await partition(testdir(t), 'interval')
  const before = disk.synced
  t.equal((await log.append(batch())).baseOffset, 0)
  t.equal(disk.synced, before, 'no sync for the answer')
  await close()
  t.ok(disk.synced > before)
})
