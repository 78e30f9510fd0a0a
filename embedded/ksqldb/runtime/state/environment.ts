// How the state store's lmdb environment is opened: the same in each thread that uses it.
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

export type Environment = RootDatabase<Buffer, Buffer>

export const openEnvironment = (path: string): Environment => open<Buffer, Buffer>({
  path, noSubdir: false, keyEncoding: 'binary', encoding: 'binary', noSync: true, overlappingSync: false, compression: false, cache: false, maxDbs: 1
})
