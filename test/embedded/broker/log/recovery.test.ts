import t, { type Test } from 'tap'
import { appendFile, readdir, rm, stat, truncate, writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { batchOf, contents, killed, openLog } from '../log-start.js'
import { testdir } from '../../../helpers/testdir.js'

const FIRST = '00000000000000000000'
const dirs = (t: Test): [string, string] => {
  const base = testdir(t, { live: {} })
  return [join(base, 'live'), join(base, 'killed')]
}

t.test('a torn tail is cut wherever it tore, and reported', async t => {
  const [live, copy] = dirs(t)
  const { log } = await openLog(live)
  const ends: number[] = []
  for (let i = 0; i < 5; i++) {
    await log.append(batchOf([['k', `value ${i}`], ['l', 'x']]))
    ends.push((await stat(join(live, `${FIRST}.log`))).size)
  }
  const [, , third = 0, fourth = 0, fifth = 0] = ends
  t.equal(fifth, ends[4])
  for (const size of [third + 1, third + 11, third + 12, third + 40, third + 61, fourth - 1]) {
    await rm(copy, { recursive: true, force: true })
    await killed(live, copy)
    await truncate(join(copy, `${FIRST}.log`), size)
    const { log: reopened, warnings } = await openLog(copy)
    t.equal(reopened.logEndOffset, 6, `cut at ${size}`)
    t.match(warnings, [new RegExp(`cut ${size - third} bytes .* behind offset 6`)])
    t.equal((await stat(join(copy, `${FIRST}.log`))).size, third)
    await reopened.append(batchOf([['k', 'after']]))
    t.strictSame((await contents(reopened)).at(-1), '6 k=after')
    await reopened.close()
  }
  await log.close()
})

t.test('a damaged batch at the end is cut, garbage behind the end too', async t => {
  const [live, copy] = dirs(t)
  const { log } = await openLog(live)
  await log.append(batchOf([['a', '1']]))
  await log.append(batchOf([['b', '2']]))
  await killed(live, copy)
  await log.close()
  const path = join(copy, `${FIRST}.log`)
  const bytes = await readFile(path)
  bytes[bytes.length - 1]! ^= 0xff
  await writeFile(path, bytes)
  const damaged = await openLog(copy)
  t.strictSame(await contents(damaged.log), ['0 a=1'])
  t.equal(damaged.warnings.length, 1)
  await damaged.log.append(batchOf([['c', '3']]))
  await appendFile(path, Buffer.alloc(500))
  await damaged.log.flush()
  const again = await openLog(copy)
  t.strictSame(await contents(again.log), ['0 a=1', '1 c=3'])
  t.match(again.warnings, [/cut 500 bytes/])
  await damaged.log.close()
  await again.log.close()
})

t.test('a clean close needs no scan; a kill after rolls finds everything', async t => {
  const [live, copy] = dirs(t)
  const config = { 'segment.bytes': '600', 'index.interval.bytes': '100' }
  const { log } = await openLog(live, config)
  for (let i = 0; i < 40; i++) await log.append(batchOf([[`k${i}`, 'x'.repeat(60)]], {}, 1000 + i))
  t.ok(log.segments.length > 5)
  const before = await contents(log)
  await killed(live, copy)
  await log.close()
  for (const dir of [live, copy]) {
    const { log: reopened, warnings } = await openLog(dir, config)
    t.strictSame(await contents(reopened), before)
    t.strictSame(warnings, [])
    t.strictSame(await reopened.offsetForTimestamp(1020), { offset: 20, timestamp: 1020 })
    await reopened.append(batchOf([['new', 'x']]))
    t.equal(reopened.logEndOffset, 41)
    await reopened.close()
  }
})

t.test('lost index files are made anew', async t => {
  const [live] = dirs(t)
  const config = { 'segment.bytes': '600', 'index.interval.bytes': '100' }
  const { log } = await openLog(live, config)
  for (let i = 0; i < 30; i++) await log.append(batchOf([[`k${i}`, 'x'.repeat(60)]], {}, 1000 + i))
  const before = await contents(log)
  await log.close()
  for (const name of await readdir(live)) if (/index$/.test(name)) await rm(join(live, name))
  const { log: reopened } = await openLog(live, config)
  t.strictSame(await contents(reopened), before)
  t.strictSame(await reopened.offsetForTimestamp(1013), { offset: 13, timestamp: 1013 })
  t.ok((await readdir(live)).filter(name => name.endsWith('.index')).length > 3)
  await reopened.close()
})

t.test('a repeat is known as one after a kill, the last five batches of a producer', async t => {
  const [live, copy] = dirs(t)
  const { log } = await openLog(live, { 'segment.bytes': '300' })
  const batch = (sequence: number) => batchOf([['k', `${sequence}`], ['k', 'x']], { producerId: 7, producerEpoch: 0, baseSequence: sequence })
  for (let i = 0; i < 8; i++) t.strictSame(await log.append(batch(i * 2)), { baseOffset: i * 2, duplicate: false })
  await killed(live, copy)
  await log.close()
  for (const dir of [live, copy]) {
    const { log: reopened } = await openLog(dir, { 'segment.bytes': '300' })
    for (let i = 3; i < 8; i++) t.strictSame(await reopened.append(batch(i * 2)), { baseOffset: i * 2, duplicate: true }, `batch ${i}`)
    await t.rejects(reopened.append(batch(4)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }, 'older than that')
    await t.rejects(reopened.append(batch(18)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }, 'a gap')
    t.strictSame(await reopened.append(batch(16)), { baseOffset: 16, duplicate: false })
    t.equal(reopened.logEndOffset, 18)
    await reopened.close()
  }
})
