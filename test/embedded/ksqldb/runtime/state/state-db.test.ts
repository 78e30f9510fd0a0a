// What is written by the other thread: all or nothing, in order, read once it is said to be there; and what fails leaves the rest to go on.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { StateCache } from '../../../../../embedded/ksqldb/runtime/state/state-cache.js'
import { StateDb } from '../../../../../embedded/ksqldb/runtime/state/state-db.js'
import { TableStore } from '../../../../../embedded/ksqldb/runtime/state/table-store.js'
import { WriteThread } from '../../../../../embedded/ksqldb/runtime/state/write-thread.js'
import { WriteBatch, applyBatch } from '../../../../../embedded/ksqldb/runtime/state/write-batch.js'
import { BIGINT, STRING } from '../../../../../embedded/ksqldb/sql/sql-type.js'
import { testdir } from '../../../../helpers/testdir.js'

const open = (t: Test, dataDir = testdir(t)): StateDb => {
  const db = StateDb.open(dataDir)
  t.teardown(async () => await db.close())
  return db
}
const key = (n: number): Buffer => Buffer.from([0, 0, 1, 0, n >> 8, n & 255])
const textAt = (db: StateDb, n: number): string | undefined => {
  const value = db.get(key(n))
  return value?.toString('latin1', 0, value.length)
}

t.test('a batch says what was put and removed, in order, and its memory serves the next', async t => {
  const batch = new WriteBatch(4)
  batch.put(Buffer.from('a'), Buffer.from(''))
  batch.remove(Buffer.from('ab'))
  batch.put(Buffer.alloc(300, 1), Buffer.alloc(70_000, 2))
  const said: unknown[] = []
  const target = {
    put: (key: Buffer, value: Buffer) => { said.push([key.length, value.length, value[0]]) },
    remove: (key: Buffer) => { said.push(key.toString()) }
  }
  const bytes = batch.take()
  applyBatch(bytes, target)
  t.same(said, [[1, 0, undefined], 'ab', [300, 70_000, 2]])
  const next = new WriteBatch(4, Buffer.from(bytes.buffer))
  next.remove(Buffer.from('c'))
  t.equal(next.take().buffer, bytes.buffer)
  applyBatch(next.take(), target)
  t.equal(said.at(-1), 'c')
})

t.test('writes of another thread come in the order in which they were asked for, and outlive the process', async t => {
  const dataDir = testdir(t)
  const db = StateDb.open(dataDir)
  db.transaction(() => db.put(key(1), Buffer.from('old')))
  const order: number[] = []
  const writes = Array.from({ length: 20 }, async (_, n) => await db.writeElsewhere(0, () => {
    order.push(n)
    t.equal(textAt(db, 1), n === 0 ? 'old' : String(n - 1), 'it reads what those before it wrote')
    db.put(key(1), Buffer.from(String(n)))
    db.put(key(100 + n), Buffer.alloc(1000, 97))
    return n
  }))
  t.equal(db.isWriting, true)
  t.same(await Promise.all(writes), Array.from({ length: 20 }, (_, n) => n))
  t.same(order, Array.from({ length: 20 }, (_, n) => n))
  t.equal(db.isWriting, false)
  await db.writeElsewhere(0, () => db.remove(key(100)))
  await db.close()
  const again = open(t, dataDir)
  t.equal(textAt(again, 1), '19')
  t.equal(textAt(again, 100), undefined)
  t.equal(textAt(again, 119), 'a'.repeat(1000))
})

t.test('what cannot be written leaves nothing of its batch, and the next goes on', async t => {
  const db = open(t)
  await t.rejects(db.writeElsewhere(0, () => {
    db.put(key(1), Buffer.from('half'))
    db.put(Buffer.alloc(5_000, 1), Buffer.from('a key of more bytes than lmdb takes'))
  }))
  t.equal(textAt(db, 1), undefined)
  await t.rejects(db.writeElsewhere(0, () => {
    db.put(key(2), Buffer.from('half'))
    throw new Error('no more')
  }), { message: 'no more' })
  t.equal(db.isGathering, false)
  await db.writeElsewhere(0, () => db.put(key(3), Buffer.from('whole')))
  t.same([textAt(db, 1), textAt(db, 2), textAt(db, 3)], [undefined, undefined, 'whole'])
})

t.test('who must have what is being written waits for it', async t => {
  const db = open(t)
  const write = db.writeElsewhere(0, () => { for (let n = 0; n < 20_000; n++) db.put(key(n), Buffer.alloc(100, 98)) })
  await Promise.resolve()
  await Promise.resolve()
  db.waitUntilWritten()
  t.equal(textAt(db, 19_999), 'b'.repeat(100))
  await write
  const failing = db.writeElsewhere(0, () => db.put(Buffer.alloc(5_000, 1), Buffer.alloc(1)))
  await Promise.resolve()
  await Promise.resolve()
  t.throws(() => db.waitUntilWritten(), { message: /could not write/ })
  await t.rejects(failing)
})

t.test('rows that another thread writes are read from memory until they are written', async t => {
  const db = open(t)
  const store = new TableStore(db, {
    id: db.newStore(), key: [{ name: 'K', type: STRING }], value: [{ name: 'V', type: BIGINT }], windowKind: 'none', cache: new StateCache(1 << 20)
  })
  db.transaction(() => {
    store.put(store.entry(['a']), [1n], 0)
    store.flush()
  })
  store.put(store.entry(['a']), [2n], 0)
  const write = db.writeElsewhere(0, () => store.flush())
  await Promise.resolve()
  // the cache lets go of all that need not stay
  store.age()
  store.age()
  t.same(store.peek(['a']).row, [2n])
  t.ok(store.dirtyBytes > 0)
  await write
  store.written()
  t.equal(store.dirtyBytes, 0)
  store.age()
  store.age()
  t.same(store.peek(['a']).row, [2n])
})

t.test('a thread that ends fails what was under way, and another one begins', async t => {
  const nowhere = new WriteThread(join(testdir(t), 'no', 'such', '\0'))
  const batch = (): Buffer<ArrayBuffer> => {
    const made = new WriteBatch(0)
    made.put(key(1), key(1))
    return made.take()
  }
  // the second is asked for as soon as the first has failed, before the thread's end is told
  for (let n = 0; n < 5; n++) {
    const failure = await nowhere.write(batch()).then(() => undefined, (error: Error) => error.message)
    t.type(failure, 'string')
    t.notMatch(failure, /state store/, 'its own error, not the end of the thread before it')
  }
  await nowhere.close()
})
