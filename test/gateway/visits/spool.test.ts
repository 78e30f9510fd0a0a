import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { Spool, type SpoolOptions } from '../../../gateway/visits/spool.js'

const text = (payloads: readonly Buffer[]) => payloads.map(String)
const open = async (directory: string, more: Partial<SpoolOptions> = {}) =>
  await Spool.open({ directory, bytesMax: 1_000_000, segmentBytes: 4_096, ...more })
const files = (directory: string) => readdirSync(directory).filter(name => name.endsWith('.spool')).sort().map(name => path.join(directory, name))

/** Everything from a position on. */
const all = (spool: Spool, from = 0): { payloads: string[], next: number } => {
  const payloads: string[] = []
  let position = from
  for (;;) {
    const batch = spool.read(position, 1_000)
    if (batch.next === position) return { payloads, next: position }
    payloads.push(...text(batch.payloads))
    position = batch.next
  }
}

t.test('what was appended is read in order, and again after opening anew', async t => {
  const directory = t.testdir()
  const first = await open(directory)
  await Promise.all(['a', 'b', 'c'].map(one => first.append(Buffer.from(one))))
  await first.append(Buffer.from('d'))
  t.strictSame(all(first).payloads, ['a', 'b', 'c', 'd'])
  const { next } = first.read(0, 1)
  t.strictSame(all(first, next).payloads, ['b', 'c', 'd'], 'a position leads on from where it was')
  // not closed: as after a kill
  const second = await open(directory)
  await second.append(Buffer.from('e'))
  t.strictSame(all(second).payloads, ['a', 'b', 'c', 'd', 'e'])
  first.close()
  second.close()
})

t.test('a torn tail is cut, wherever it is torn', async t => {
  const whole = t.testdir()
  const spool = await open(whole)
  for (const one of ['first', 'second', 'third']) await spool.append(Buffer.from(one))
  spool.close()
  const bytes = readFileSync(files(whole)[0] as string)
  const lastAt = bytes.length - 8 - 5
  for (let length = lastAt; length < bytes.length; length++) {
    const directory = t.testdir({ [path.basename(files(whole)[0] as string)]: bytes.subarray(0, length) })
    const torn = await open(directory)
    await torn.append(Buffer.from('after'))
    t.strictSame(all(torn).payloads, ['first', 'second', 'after'], `${length} of ${bytes.length} bytes`)
    torn.close()
  }
})

t.test('damage in the middle is passed over and counted', async t => {
  const directory = t.testdir()
  const spool = await open(directory)
  for (const one of ['first', 'second', 'third']) await spool.append(Buffer.from(one))
  const file = files(directory)[0] as string
  const bytes = readFileSync(file)
  bytes[8 + 5 + 8 + 2] = 0
  writeFileSync(file, bytes)
  t.strictSame(all(spool).payloads, ['first', 'third'])
  t.equal(spool.damagedBytes, 8 + 6)
  spool.close()
})

t.test('segments roll, and those that the log has are deleted', async t => {
  const directory = t.testdir()
  const spool = await open(directory)
  const records = Array.from({ length: 20 }, (_, n) => String(n).padEnd(1_000, '.'))
  for (const one of records) await spool.append(Buffer.from(one))
  t.ok(files(directory).length >= 5)
  const { payloads, next } = all(spool)
  t.strictSame(payloads, records)
  spool.release(next)
  t.equal(files(directory).length, 1, 'the one that is written to stays')
  await spool.append(Buffer.from('more'))
  t.strictSame(all(spool, next).payloads, ['more'])
  spool.close()
})

t.test('beyond its size it refuses, and takes again when there is room', async t => {
  const spool = await open(t.testdir(), { bytesMax: 8_192 })
  let taken = 0
  await t.rejects(async () => { for (;; taken++) await spool.append(Buffer.alloc(1_000, 1)) }, { code: 'LINKLOG_SPOOL_FULL' })
  t.equal(taken, 8)
  spool.release(all(spool).next)
  await spool.append(Buffer.from('again'))
  spool.close()
})

t.test('a position is never used twice, even where the tail was lost or the log knows more', async t => {
  const directory = t.testdir()
  const first = await open(directory)
  await first.append(Buffer.from('shipped, then lost in a power cut'))
  const { next } = all(first)
  first.close()
  writeFileSync(files(directory)[0] as string, '')
  const second = await open(directory, { after: 0 })
  await second.append(Buffer.from('new'))
  t.strictSame(all(second, next).payloads, ['new'], 'behind the position that the log has committed')
  second.close()
  const third = await open(t.testdir(), { after: 12 * 2 ** 32 })
  await third.append(Buffer.from('new'))
  t.strictSame(all(third, 12 * 2 ** 32).payloads, ['new'])
  third.close()
})

t.test('what is not a record is not taken for one', async t => {
  const directory = t.testdir()
  const spool = await open(directory)
  await spool.append(Buffer.from('good'))
  spool.close()
  appendFileSync(files(directory)[0] as string, Buffer.alloc(100))
  const again = await open(directory)
  t.strictSame(all(again).payloads, ['good'])
  again.close()
})
