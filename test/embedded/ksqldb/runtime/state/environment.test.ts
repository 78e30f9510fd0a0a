// The list of free pages by lmdb's own statistics.
import { open as openLmdb } from 'lmdb'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copyWhereDeep, freeListDepth, openEnvironment, type Environment } from '../../../../../embedded/ksqldb/runtime/state/environment.js'
import { testdir } from '../../../../helpers/testdir.js'

const keyOf = (n: number): Buffer => {
  const key = Buffer.alloc(8)
  key.writeUInt32BE(n, 4)
  return key
}
const ROWS = 200

/** A store of small pages that holds the rows 0 to 199, and many records of pages that were freed and not taken again. */
const makeDeep = async (path: string, commits: number): Promise<void> => {
  const db = openLmdb<Buffer, Buffer>({
    path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', noSync: true, overlappingSync: false, compression: false, cache: false, maxDbs: 1,
    pageSize: 512, ...{ maxFreeSpaceToLoad: 1, maxFreeSpaceToRetain: 1 }
  })
  for (let commit = 0; commit < commits; commit++) {
    db.transactionSync(() => {
      db.putSync(Buffer.from('large'), Buffer.alloc(512 * (20 + commit % 7)))
      for (let n = 0; n < ROWS; n++) db.putSync(keyOf(n), Buffer.from(`${commit}: ${n}`))
    })
  }
  await db.close()
}

const rowsOf = (db: Environment): (string | undefined)[] => Array.from({ length: ROWS }, (_, n) => db.get(keyOf(n))?.toString())

t.test('a store whose list of free pages is deep is copied, with all its rows', async t => {
  const path = join(testdir(t), 'state')
  const commits = 2_000
  await makeDeep(path, commits)
  const deep = openEnvironment(path)
  t.ok(freeListDepth(deep) >= 3, `${freeListDepth(deep)} levels`)
  await deep.close()
  t.equal(await copyWhereDeep(path), true)
  t.notOk(existsSync(`${path}.copy`))
  const db = openEnvironment(path)
  t.ok(freeListDepth(db) < 2, `${freeListDepth(db)} levels`)
  t.same(rowsOf(db), Array.from({ length: ROWS }, (_, n) => `${commits - 1}: ${n}`))
  db.transactionSync(() => db.putSync(keyOf(0), Buffer.from('written since')))
  t.equal(db.get(keyOf(0))?.toString(), 'written since')
  await db.close()
})

t.test('one whose list is shallow, and where there is none, nothing is done', async t => {
  const path = join(testdir(t), 'state')
  t.equal(await copyWhereDeep(path), false)
  t.notOk(existsSync(path))
  await makeDeep(path, 2)
  t.equal(await copyWhereDeep(path), false)
})
