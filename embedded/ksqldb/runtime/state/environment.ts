// How the state store's lmdb environment is opened: the same in each thread that uses it.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

export type Environment = RootDatabase<Buffer, Buffer>

// What lmdb may hold of its list of free pages. It reads the list record by record where it needs pages, and a value of several pages that fits nowhere
// makes it read on: here all that there are, which it then writes anew as few records, so that the list stays shallow. From one commit to the next only a
// short list is kept: at each commit, of one row too, all that is held is merged anew to verify it, with lmdb-js's own bounds a third of a second in a
// store of some age. Both settings are lmdb-js's, though its types do not have them.
const freePages = { maxFreeSpaceToLoad: 1_000_000, maxFreeSpaceToRetain: 5_000 }

/** `bounds`: of the free pages in memory; none given: lmdb's own, for a comparison. */
export const openEnvironment = (path: string, bounds: Partial<typeof freePages> = freePages): Environment => {
  const options = {
    path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', noSync: true, overlappingSync: false, compression: false, cache: false, maxDbs: 1, ...bounds
  } as const
  return open<Buffer, Buffer>(options)
}

const DATA_FILE = 'data.mdb'
/** Levels of the list of free pages, a tree on disk, from which on a store is copied. */
const DEEP = 3
const COPIED_AT_ONCE = 100_000

/** @returns how many levels the list of free pages has on disk: 0 where no page is free. */
export const freeListDepth = (db: Environment): number => (db.getStats() as { readonly free: { readonly treeDepth: number } }).free.treeDepth

/**
 * By lmdb's own copy without free pages, two seconds for two gigabytes. That refuses a store which has lost pages: then entry by entry, in ten times as long.
 */
const copyTo = async (from: Environment, path: string): Promise<void> => {
  mkdirSync(path)
  try {
    await from.backup(path, true)
    return
  } catch (error) {
    if (!String(error).includes('MDB_INCOMPATIBLE')) throw error
  }
  rmSync(path, { recursive: true })
  const to = openEnvironment(path)
  try {
    const entries = from.getRange()[Symbol.iterator]()
    for (let next = entries.next(); next.done !== true;) {
      to.transactionSync(() => {
        for (let n = 0; n < COPIED_AT_ONCE && next.done !== true; n++, next = entries.next()) to.putSync(next.value.key, next.value.value)
      })
      await new Promise(resolve => { setImmediate(resolve) })
    }
  } finally {
    await to.close()
  }
}

/**
 * Where a store's list of free pages is deep, puts a copy without free pages in the store's place; nobody may have it open. Where such a list falls from
 * three levels to two, lmdb-js 3.5.6 takes a branch of it for a leaf (mdb_freelist_save keeps its cursor across a deletion that merges pages and ends the
 * root), and reads and writes where it must not.
 * @returns whether it was copied
 * @throws the error of the file system; the store is then as it was
 */
export const copyWhereDeep = async (path: string): Promise<boolean> => {
  if (!existsSync(join(path, DATA_FILE))) return false
  const copyPath = `${path}.copy`
  rmSync(copyPath, { recursive: true, force: true })
  const db = openEnvironment(path)
  try {
    if (freeListDepth(db) < DEEP) return false
    await copyTo(db, copyPath)
  } catch (error) {
    rmSync(copyPath, { recursive: true, force: true })
    throw error
  } finally {
    await db.close()
  }
  renameSync(join(copyPath, DATA_FILE), join(path, DATA_FILE))
  rmSync(copyPath, { recursive: true, force: true })
  return true
}
