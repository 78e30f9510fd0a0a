// The one lmdb environment that holds all state of all queries, and the rule by which it may be trusted after a crash.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname, join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { copyWhereDeep, openEnvironment } from './environment.js'
import type { Environment } from './environment.js'
import { WriteBatch } from './write-batch.js'
import { WriteThread } from './write-thread.js'

// Keys: the store's id in 32 bits, then the store's own key. Store 0 is the catalogue: what belongs to which query, by JSON.
const CATALOGUE = 0
const FIRST_STORE = 16
const DELETE_PAGE = 2000
const STATE_FOLDER = 'state'

/** Bytes of the store's id in front of each key. */
export const STORE_ID_BYTES = 4

/** What the catalogue keeps of one query. */
export interface QueryRecord {
  readonly stores: Record<string, number>
  /** Next offset by `topic-partition`. */
  offsets: Record<string, number>
  /** Next sequence by sink partition. */
  sequences: Record<string, number>
  /** Stream time by store name, then partition. */
  streamTimes: Record<string, number[]>
  /** First and next number of the batches that stand in the outbox. */
  outbox: [number, number]
}

/** Changes at each boot of the machine, not at each start of the process. */
function bootId (): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `up since ${Math.round((Date.now() / 1000 - uptime()) / 60)}`
  }
}

export interface StateRange {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * Writes are not flushed at each commit: they outlive the process, not the machine. State is derived from the log, so after a power loss
 * (another boot, and no clean close) it is dropped and built again.
 */
export class StateDb {
  readonly #db: Environment
  readonly #marker: string
  readonly #path: string
  /** New whenever the state begins from nothing. */
  readonly incarnation: string
  #nextStore: number
  readonly #startsFile: string
  readonly #starts: Record<string, Record<string, number>> = {}
  #closed = false
  readonly #writer: WriteThread
  /** Where writes go instead, while they are gathered for the other thread. */
  #batch: WriteBatch | undefined
  /** Ends with the last write that was handed to the other thread, or waits to be. */
  #lastWrite: Promise<unknown> = Promise.resolve()
  #writes = 0

  private constructor (db: Environment, path: string, marker: string, incarnation: string) {
    this.#db = db
    this.#path = path
    this.#writer = new WriteThread(path)
    this.#marker = marker
    this.incarnation = incarnation
    this.#nextStore = this.#readJson<number>('nextStore') ?? FIRST_STORE
    this.#startsFile = join(dirname(path), 'starts.json')
    try {
      Object.assign(this.#starts, JSON.parse(readFileSync(this.#startsFile, 'utf8')))
    } catch {
      // No query has begun yet.
    }
  }

  /** To be called before `open`: a store that lmdb could fail on is copied. @returns whether it was. @throws where it could not be, and stays as it is. */
  static async mend (dataDir: string): Promise<boolean> {
    return await copyWhereDeep(join(dataDir, STATE_FOLDER))
  }

  static open (dataDir: string): StateDb {
    mkdirSync(dataDir, { recursive: true })
    const marker = join(dataDir, 'state.json')
    const path = join(dataDir, STATE_FOLDER)
    let incarnation: string | undefined
    try {
      const found = JSON.parse(readFileSync(marker, 'utf8')) as { incarnation: string, boot: string, clean: boolean }
      if (found.clean || found.boot === bootId()) incarnation = found.incarnation
    } catch {
      // No marker, or one cut short by a power loss: there is no state that may be trusted.
    }
    if (incarnation === undefined) rmSync(path, { recursive: true, force: true })
    incarnation ??= randomUUID()
    const db = openEnvironment(path)
    writeFileSync(marker, JSON.stringify({ incarnation, boot: bootId(), clean: false }), { flush: true })
    return new StateDb(db, path, marker, incarnation)
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#lastWrite.catch(() => {})
    await this.#writer.close()
    await this.#db.close()
    try {
      const file = openSync(join(this.#path, 'data.mdb'), 'r+')
      fsyncSync(file)
      closeSync(file)
      writeFileSync(this.#marker, JSON.stringify({ incarnation: this.incarnation, boot: bootId(), clean: true }), { flush: true })
    } catch (error) {
      // The folder may have been removed under us: then there is nothing to keep.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  /** All or nothing. Reads within see the writes within. Not to be nested. */
  transaction<T> (work: () => T): T {
    return this.#db.transactionSync(work)
  }

  /**
   * As `transaction`, but carried out by another thread once those before it are: this one goes on meanwhile. `work` begins when its turn has come, and
   * only writes: what it reads is as it was before. Others read what it writes once it has resolved, or a moment sooner. `bytes`: about how much it writes.
   */
  async writeElsewhere<T> (bytes: number, work: () => T): Promise<T> {
    this.#writes++
    const before = this.#lastWrite
    const write = (async () => {
      await before.catch(() => {})
      const { batch, result } = this.#gather(bytes, work)
      if (batch.length > 0) await this.#writer.write(batch)
      this.#db.resetReadTxn()
      return result
    })()
    this.#lastWrite = write
    try {
      return await write
    } finally {
      this.#writes--
    }
  }

  #gather<T> (bytes: number, work: () => T): { readonly batch: Buffer<ArrayBuffer>, readonly result: T } {
    const batch = this.#batch = new WriteBatch(bytes, this.#writer.takeMemory())
    try {
      const result = work()
      return { batch: batch.take(), result }
    } finally {
      this.#batch = undefined
    }
  }

  /** Whether the other thread writes, or is to. */
  get isWriting (): boolean { return this.#writes > 0 }

  /** While what is written is gathered for the other thread. */
  get isGathering (): boolean { return this.#batch !== undefined }

  /** Blocks until what the other thread writes at this moment is written, or has failed: what it wrote is read from then on. */
  waitUntilWritten (): void {
    this.#writer.waitUntilEnded()
    this.#db.resetReadTxn()
  }

  /** Good until the next call of any method. A part of a larger buffer: `length` is the value's, that of the memory behind it is not. */
  get (key: Buffer): Buffer | undefined {
    return this.#db.getBinaryFast(key)
  }

  put (key: Buffer, value: Buffer): void {
    if (this.#batch === undefined) this.#db.putSync(key, value)
    else this.#batch.put(key, value)
  }

  remove (key: Buffer): void {
    if (this.#batch === undefined) this.#db.removeSync(key)
    else this.#batch.remove(key)
  }

  /** Up to `limit` entries from `start` (inclusive) to `end` (exclusive), copied. */
  range (start: Buffer, end: Buffer, limit: number): StateRange[] {
    return [...this.#db.getRange({ start, end, limit })].map(({ key, value }) => ({ key, value }))
  }

  query (id: string): QueryRecord | undefined {
    return this.#readJson(`query ${id}`)
  }

  putQuery (id: string, record: QueryRecord): void {
    this.#writeJson(`query ${id}`, record)
  }

  queries (): string[] {
    const start = this.#catalogueKey('query ')
    const end = this.#catalogueKey('query!')
    return this.range(start, end, Number.MAX_SAFE_INTEGER).map(({ key }) => key.toString('utf8', STORE_ID_BYTES + 'query '.length))
  }

  /**
   * Where a query began to read, kept safe from a power loss: a query that began at the end of its topics must not begin at a later end when its
   * state is built again. Gives what was kept before, where there is any.
   */
  startOffsets (id: string, offsets: Record<string, number>): Record<string, number> {
    const known = this.#starts[id]
    if (known !== undefined) return known
    this.#saveStart(id, offsets)
    return offsets
  }

  #saveStart (id: string, offsets: Record<string, number> | undefined): void {
    if (offsets === undefined && this.#starts[id] === undefined) return
    if (offsets === undefined) delete this.#starts[id]
    else this.#starts[id] = offsets
    writeFileSync(`${this.#startsFile}.new`, JSON.stringify(this.#starts), { flush: true })
    renameSync(`${this.#startsFile}.new`, this.#startsFile)
  }

  /** A store's id that no store has had. */
  newStore (): number {
    const id = this.#nextStore++
    this.#writeJson('nextStore', this.#nextStore)
    return id
  }

  /** Removes all entries of a store, a page at a time so that others get their turn. */
  async deleteStore (id: number): Promise<void> {
    const start = Buffer.alloc(STORE_ID_BYTES)
    start.writeUInt32BE(id)
    const end = Buffer.alloc(STORE_ID_BYTES)
    end.writeUInt32BE(id + 1)
    for (;;) {
      const keys = [...this.#db.getKeys({ start, end, limit: DELETE_PAGE })]
      if (keys.length === 0) return
      this.transaction(() => { for (const key of keys) this.#db.removeSync(key) })
      await new Promise(resolve => { setImmediate(resolve) })
    }
  }

  async deleteQuery (id: string): Promise<void> {
    this.#saveStart(id, undefined)
    const record = this.query(id)
    if (record === undefined) return
    this.#db.removeSync(this.#catalogueKey(`query ${id}`))
    for (const store of Object.values(record.stores)) await this.deleteStore(store)
  }

  #catalogueKey (name: string): Buffer {
    const key = Buffer.alloc(STORE_ID_BYTES + Buffer.byteLength(name))
    key.writeUInt32BE(CATALOGUE)
    key.write(name, STORE_ID_BYTES)
    return key
  }

  #readJson<T> (name: string): T | undefined {
    const data = this.get(this.#catalogueKey(name))
    return data === undefined ? undefined : JSON.parse(data.toString()) as T
  }

  #writeJson (name: string, value: unknown): void {
    this.put(this.#catalogueKey(name), Buffer.from(JSON.stringify(value)))
  }
}
