// Writes that are done on this thread and on another: all that was given lies in the file, where it was to.
import t from 'tap'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { writeAllAt } from '../../../../embedded/broker/log/file-io.js'
import { testdir } from '../../../helpers/testdir.js'

const sizes: Record<string, number[]> = {
  one: [1],
  'more buffers than one write takes': Array.from({ length: 2_500 }, (_, i) => i % 7),
  much: [300_000, 1, 200_000],
  'much in more buffers than one write takes': Array.from({ length: 2_500 }, (_, i) => i % 97)
}

for (const [name, lengths] of Object.entries(sizes)) {
  t.test(name, async t => {
    const path = join(testdir(t), 'file')
    const fd = openSync(path, 'w+')
    const buffers = lengths.map(length => randomBytes(length))
    const head = Buffer.from('what was there before')
    await writeAllAt(fd, [head], 0)
    await writeAllAt(fd, buffers, head.length)
    closeSync(fd)
    t.ok(readFileSync(path).equals(Buffer.concat([head, ...buffers])))
  })
}

t.test('a write that fails is told', async t => {
  const path = join(testdir(t, { file: '' }), 'file')
  const fd = openSync(path, 'r')
  t.teardown(() => closeSync(fd))
  await t.rejects(writeAllAt(fd, [Buffer.alloc(10)], 0), { code: 'EBADF' })
  await t.rejects(writeAllAt(fd, [Buffer.alloc(100_000)], 0), { code: 'EBADF' })
})
