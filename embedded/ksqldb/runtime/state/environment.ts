// How the state store's lmdb environment is opened: the same in each thread that uses it.
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

export type Environment = RootDatabase<Buffer, Buffer>

// How many free pages lmdb may hold in memory. At each commit, of one row too, it merges anew all that it holds, to verify it; in a store of some age, whose
// free pages lie scattered, its own bound of 50,000 makes that a third of a second. Pages for a large value that are not among these are taken from the end
// of the file. Both settings are lmdb-js's, though its types do not have them.
const FREE_PAGES_MAX = 5000
const freePages = { maxFreeSpaceToLoad: FREE_PAGES_MAX, maxFreeSpaceToRetain: FREE_PAGES_MAX }

/** `bound`: of the free pages in memory; none given: lmdb's own, for a comparison. */
export const openEnvironment = (path: string, bound: Partial<typeof freePages> = freePages): Environment => {
  const options = {
    path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', noSync: true, overlappingSync: false, compression: false, cache: false, maxDbs: 1, ...bound
  } as const
  return open<Buffer, Buffer>(options)
}
