// How the state store's lmdb environment is opened: the same in each thread that uses it.
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

export type Environment = RootDatabase<Buffer, Buffer>

// What lmdb may hold of its list of free pages. It reads the list record by record where it needs pages, and a value of several pages that fits nowhere
// makes it read on: all that there are, else the list on disk grows deep, and lmdb-js 3.5.6 mistakes a page of it for another where it becomes less deep
// again (mdb_freelist_save: its cursor is not among those that are set right when the root goes). That ends the process, or writes where it must not.
// From one commit to the next only a short list is kept: at each commit, of one row too, all that is held is merged anew to verify it, with lmdb-js's own
// bound of 75,000 some tens of milliseconds in a store of some age. Both settings are lmdb-js's, though its types do not have them.
const freePages = { maxFreeSpaceToLoad: 1_000_000, maxFreeSpaceToRetain: 5_000 }

/** `bounds`: of the free pages in memory; none given: lmdb's own, for a comparison. */
export const openEnvironment = (path: string, bounds: Partial<typeof freePages> = freePages): Environment => {
  const options = {
    path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', noSync: true, overlappingSync: false, compression: false, cache: false, maxDbs: 1, ...bounds
  } as const
  return open<Buffer, Buffer>(options)
}
