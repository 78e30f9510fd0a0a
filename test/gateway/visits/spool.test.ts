import { appendFileSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openSpool, segmentFiles as files } from './spool-support.js'
import { testdir } from '../../helpers/testdir.js'

t.test('what was appended is read in order, and again after opening anew', async t => {
  const directory = testdir(t)
  const first = openSpool(directory)
  first.append('a', 'b', 'c')
  first.append('d')
  t.strictSame(first.all().payloads, ['a', 'b', 'c', 'd'])
  const { next } = first.reader.read(0, 1)
  t.strictSame(first.all(next).payloads, ['b', 'c', 'd'], 'a position leads on from where it was')
  // not closed: as after a kill
  const second = openSpool(directory)
  second.append('e')
  t.strictSame(second.all().payloads, ['a', 'b', 'c', 'd', 'e'])
  first.writer.close()
  second.writer.close()
})

t.test('the records of a turn are on disk when it is flushed, by one call', async t => {
  const calls: number[] = []
  const { writer, append, all } = openSpool(testdir(t), {
    write: (file, bytes, offset, length) => {
      calls.push(length)
      return writeSync(file, bytes, offset, length)
    }
  })
  const offset = writer.reserve(5)
  writer.commit(offset + writer.buffer.write('first', offset))
  t.strictSame(all().payloads, [], 'not before')
  append('second', 'third')
  t.strictSame(calls, [8 + 5 + 8 + 6 + 8 + 5])
  t.strictSame(all().payloads, ['first', 'second', 'third'])
  t.equal(writer.recorded, 3)
  writer.close()
})

t.test('a torn tail is cut, wherever it is torn', async t => {
  const whole = testdir(t)
  const spool = openSpool(whole)
  spool.append('first', 'second', 'third')
  spool.writer.close()
  const bytes = readFileSync(files(whole)[0] as string)
  const lastAt = bytes.length - 8 - 5
  for (let length = lastAt; length < bytes.length; length++) {
    const directory = testdir(t, { [path.basename(files(whole)[0] as string)]: bytes.subarray(0, length) })
    const torn = openSpool(directory)
    torn.append('after')
    t.strictSame(torn.all().payloads, ['first', 'second', 'after'], `${length} of ${bytes.length} bytes`)
    torn.writer.close()
  }
})

t.test('damage in the middle is passed over and counted', async t => {
  const directory = testdir(t)
  const { writer, append, all } = openSpool(directory)
  append('first', 'second', 'third')
  const file = files(directory)[0] as string
  const bytes = readFileSync(file)
  bytes[8 + 5 + 8 + 2] = 0
  writeFileSync(file, bytes)
  t.match(all(), { payloads: ['first', 'third'], damagedBytes: 8 + 6 })
  writer.close()
})

t.test('segments roll, and those that the log has are deleted', async t => {
  const directory = testdir(t)
  const { writer, reader, append, all } = openSpool(directory)
  const records = Array.from({ length: 20 }, (_, n) => String(n).padEnd(1_000, '.'))
  for (const one of records) append(one)
  t.ok(files(directory).length >= 5)
  const { payloads, next } = all()
  t.strictSame(payloads, records)
  t.equal(writer.bytes, 20 * 1_008)
  reader.release(next)
  t.equal(files(directory).length, 1, 'the one that is written to stays')
  t.equal(writer.bytes, statSync(files(directory)[0] as string).size)
  append('more')
  t.strictSame(all(next).payloads, ['more'])
  writer.close()
})

t.test('what is shipped whole does not stay for want of more', async t => {
  const directory = testdir(t)
  const { writer, reader, append, all } = openSpool(directory)
  append('told by a browser')
  writer.rollShipped()
  t.equal(files(directory).length, 1, 'not shipped yet')
  const { next } = all()
  writer.state.set('shipped', next)
  writer.rollShipped()
  reader.release(next)
  t.strictSame(files(directory).map(file => statSync(file).size), [0])
  append('next')
  t.strictSame(all(next).payloads, ['next'])
  writer.close()
})

t.test('beyond its size it refuses and counts, and takes again when there is room', async t => {
  const { writer, reader, append, all } = openSpool(testdir(t), { bytesMax: 8_192 })
  t.equal(append(...Array.from({ length: 10 }, () => '1'.repeat(1_000))), 8)
  t.equal(writer.dropped, 2)
  t.match(writer.lastFault, { message: /holds \d+ of 8192 bytes/ })
  reader.release(all().next)
  t.equal(append('again'), 1)
  t.match(writer, { recorded: 9, dropped: 2 })
  writer.close()
})

t.test('a disk that takes nothing, or half a record: what is lost is counted, what follows is whole', async t => {
  const directory = testdir(t)
  let room = Infinity
  const { writer, append, all } = openSpool(directory, {
    write: (file, bytes, offset, length) => {
      if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      const written = writeSync(file, bytes, offset, Math.min(length, room))
      room -= written
      return written
    }
  })
  append('before')
  for (const left of [0, 3, 12]) {
    room = left
    append('lost', 'lost too')
  }
  t.equal(writer.dropped, 6)
  t.match(writer.lastFault, { code: 'ENOSPC' })
  room = Infinity
  append('after')
  t.match(all(), { payloads: ['before', 'after'], damagedBytes: 0 })
  writer.close()
})

t.test('a position is never used twice, even where the tail was lost or the log knows more', async t => {
  const directory = testdir(t)
  const first = openSpool(directory)
  first.append('shipped, then lost in a power cut')
  const { next } = first.all()
  first.writer.close()
  writeFileSync(files(directory)[0] as string, '')
  const second = openSpool(directory, { after: 0 })
  second.append('new')
  t.strictSame(second.all(next).payloads, ['new'], 'behind the position that the log has committed')
  second.writer.close()
  const third = openSpool(testdir(t), { after: 12 * 2 ** 32 })
  third.append('new')
  t.strictSame(third.all(12 * 2 ** 32).payloads, ['new'])
  third.writer.close()
})

t.test('what is not a record is not taken for one', async t => {
  const directory = testdir(t)
  const spool = openSpool(directory)
  spool.append('good')
  spool.writer.close()
  appendFileSync(files(directory)[0] as string, Buffer.alloc(100))
  const again = openSpool(directory)
  t.strictSame(again.all().payloads, ['good'])
  again.writer.close()
})
