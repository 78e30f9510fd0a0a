// The keys of the visits, as the topic visit-keys has them: each gateway holds all roots that are whole, some hundred bytes a gateway and day, and of the trees
// that something was taken out of as many as it has room for; the others it reads again where they lie. The topic is compacted, and a key is destroyed by
// writing over it; nothing ever writes it back.
//
//   root/<day>/<id>    the tree of keys of one gateway's visits of a day (UTC); written over by what an erasure leaves of it
//   pepper/<day>/<id>  what the tokens of that day are made with: of several the first counts; written over by nothing at all when the day is over
//   tick               a clock, so that a quiet topic goes on to its next segment, and what was written over before can be compacted away
import type { LogReader, LogRecord } from '../log/log-reader.js'
import { dayMs } from '../visits/calendar.js'
import type { LoggedVisit } from '../visits/log.js'
import { keyBytes } from './hmac.js'
import { decodeTree, descend, keyAt, type KeyTree } from './key-tree.js'
import { linkPath, rootOf, unseal, visitorPath } from './seal.js'

/** Days since 1970. */
export const dayOf = (ms: number): number => Math.floor(ms / dayMs)
const dayName = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10)

export const rootKey = (day: number, id: string): string => `root/${dayName(day)}/${id}`
export const pepperKey = (day: number, id: string): string => `pepper/${dayName(day)}/${id}`
export const tickKey = 'tick'
/** What a destroyed pepper is written over by: no tombstone, which a gateway that was cut off might never see. */
export const destroyed = Buffer.alloc(0)

export interface Root {
  readonly id: string
  readonly day: number
  /** Nothing was taken out of it. */
  readonly isWhole: boolean
}

interface HeldRoot extends Root {
  readonly offset: number
  /** Its tree as it lies on the log: many nodes take a tenth of the room so. Undefined where there was no room. */
  bytes: Buffer | undefined
}

interface Pepper { readonly key: string, readonly offset: number, readonly value: Buffer }

const fetchWaitMs = 200
const nodesRemembered = 10_000
const treesRemembered = 16

export interface KeyRingOptions {
  readonly reader: Pick<LogReader, 'fetch' | 'ends'>
  /** Told of a record that is none of ours. */
  readonly onUnreadable: (record: LogRecord, error: unknown) => void
  /** Bytes of trees, besides those that are whole, that are held in memory, the last whatever its size; 0 is none, for whoever only seals. */
  readonly treeBytesMax: number
}

export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #roots = new Map<string, HeldRoot>()
  /** Roots that are not whole whose bytes are held, those that came last at the end. */
  readonly #held = new Set<HeldRoot>()
  #heldBytes = 0
  readonly #peppers = new Map<number, readonly Pepper[]>()
  /** Nodes of links, by root and path; forgotten with every change. */
  #nodes = new Map<string, Buffer | undefined>()
  readonly #trees = new Map<string, KeyTree>()
  #at = 0
  #reading: Promise<void> | undefined
  #readingNext: Promise<void> | undefined
  /** When, by the records' clocks, a key was last written over, and when anything was last written; 0 is never. */
  overwrittenAt = 0
  writtenAt = 0

  constructor (options: KeyRingOptions) {
    this.#options = options
  }

  get size (): number {
    return this.#roots.size
  }

  /** Reads the topic to where it ends at the time of the call, or later. @throws the error of kafkajs where it does not answer. */
  async refresh (): Promise<void> {
    if (this.#reading === undefined) {
      this.#reading = this.#read().finally(() => { this.#reading = undefined })
      return await this.#reading
    }
    // what is being read may have asked for the end too early: one more, for all who ask meanwhile
    this.#readingNext ??= this.#reading.catch(() => {}).then(async () => {
      this.#readingNext = undefined
      await this.refresh()
    })
    await this.#readingNext
  }

  async #read (): Promise<void> {
    const { reader } = this.#options
    const end = (await reader.ends()).get(0) ?? 0
    while (this.#at < end) {
      const stretch = (await reader.fetch(new Map([[0, this.#at]]), fetchWaitMs)).get(0)
      for (const record of stretch?.records ?? []) this.#take(record)
      // nothing more before the end: it was compacted away
      this.#at = stretch === undefined || stretch.next <= this.#at ? end : stretch.next
    }
  }

  #take (record: LogRecord): void {
    this.writtenAt = Math.max(this.writtenAt, record.timestamp)
    if (record.key === tickKey) return
    const [kind, name = '', id = ''] = record.key.split('/')
    const day = Date.parse(name) / dayMs
    try {
      if (!Number.isInteger(day) || record.value === null) throw new RangeError('a key of visits has a day and a value')
      if (kind === 'root') this.#takeRoot(id, day, record.offset, record.value, record.timestamp)
      else if (kind === 'pepper') this.#takePepper(day, record.key, record.offset, record.value, record.timestamp)
    } catch (error) {
      this.#options.onUnreadable(record, error)
    }
  }

  #takeRoot (id: string, day: number, offset: number, value: Buffer, timestamp: number): void {
    const isWhole = decodeTree(value).has('')
    if (!isWhole) this.overwrittenAt = Math.max(this.overwrittenAt, timestamp)
    const before = this.#roots.get(id)
    if (before !== undefined) this.#letGo(before)
    const root = { id, day, isWhole, offset, bytes: undefined }
    this.#roots.set(id, root)
    this.#hold(root, value)
    this.#trees.delete(id)
    this.#nodes = new Map()
  }

  #takePepper (day: number, key: string, offset: number, value: Buffer, timestamp: number): void {
    const others = (this.#peppers.get(day) ?? []).filter(pepper => pepper.key !== key)
    if (value.length === keyBytes) others.push({ key, offset, value })
    else this.overwrittenAt = Math.max(this.overwrittenAt, timestamp)
    if (others.length === 0) this.#peppers.delete(day)
    else this.#peppers.set(day, others.sort((a, b) => a.offset - b.offset))
  }

  #hold (root: HeldRoot, bytes: Buffer): void {
    const { treeBytesMax } = this.#options
    if (!root.isWhole && treeBytesMax === 0) return
    root.bytes = Buffer.from(bytes) // a copy: what was read with it is not kept along
    if (root.isWhole) return
    this.#held.add(root)
    this.#heldBytes += bytes.length
    for (const oldest of this.#held) {
      if (this.#heldBytes <= treeBytesMax || oldest === root) break
      this.#letGo(oldest)
    }
  }

  #letGo (root: HeldRoot): void {
    if (this.#held.delete(root)) this.#heldBytes -= root.bytes?.length ?? 0
    root.bytes = undefined
  }

  /** Reads a tree again. Where it was written over meanwhile, what was written is taken. */
  async #readAgain (root: HeldRoot): Promise<void> {
    const stretch = (await this.#options.reader.fetch(new Map([[0, root.offset]]), fetchWaitMs)).get(0)
    const record = stretch?.records.find(({ offset }) => offset === root.offset)
    if (record === undefined || record.value === null) await this.refresh()
    else if (this.#roots.get(root.id) === root && root.bytes === undefined) this.#hold(root, record.value)
  }

  /**
   * Sees to it that a visit can be opened, or a root's tree asked for, in the same turn of the event loop: its root is known, and its tree held.
   * @throws the error of kafkajs where the topic does not answer.
   */
  async hold (rootId: string): Promise<void> {
    if (!this.#roots.has(rootId)) await this.refresh()
    const root = this.#roots.get(rootId)
    if (root !== undefined && root.bytes === undefined) await this.#readAgain(root)
  }

  /** The same, for a visit. */
  async holdFor ({ visit: { sealed } }: LoggedVisit): Promise<void> {
    const id = sealed === null ? undefined : rootOf(sealed)
    if (id !== undefined) await this.hold(id)
  }

  root (id: string): Root | undefined {
    return this.#roots.get(id)
  }

  /** The tree of a root that is held; undefined where it is not, or not known. */
  tree (rootId: string): KeyTree | undefined {
    const known = this.#trees.get(rootId)
    if (known !== undefined) return known
    const bytes = this.#roots.get(rootId)?.bytes
    if (bytes === undefined) return undefined
    const tree = decodeTree(bytes)
    if (this.#trees.size >= treesRemembered) this.#trees.delete(this.#trees.keys().next().value as string)
    this.#trees.set(rootId, tree)
    return tree
  }

  /** The pepper that counts of a day. */
  pepper (day: number): Buffer | undefined {
    return this.#peppers.get(day)?.[0]?.value
  }

  /** The keys of the peppers whose day lies before this one. */
  peppersBefore (day: number): readonly string[] {
    return [...this.#peppers].flatMap(([of, peppers]) => of < day ? peppers.map(({ key }) => key) : [])
  }

  #nodeOf (rootId: string, tree: KeyTree, link: string): Buffer | undefined {
    const path = linkPath(link)
    const name = `${rootId}${path}`
    if (this.#nodes.has(name)) return this.#nodes.get(name)
    if (this.#nodes.size >= nodesRemembered) this.#nodes = new Map()
    const node = keyAt(tree, path)
    this.#nodes.set(name, node)
    return node
  }

  /** The visitor of a sealed visit whose root is held; undefined where it was erased, or nothing is sealed. */
  open ({ link, visit: { visit_id: visitId, visitor: token, sealed } }: LoggedVisit): string | undefined {
    const id = sealed === null ? undefined : rootOf(sealed)
    const tree = id === undefined ? undefined : this.tree(id)
    if (sealed === null || id === undefined || tree === undefined) return undefined
    const node = this.#nodeOf(id, tree, link)
    // where a visitor of the link was taken out, the link's own node is gone, and those beside the visitor are left
    const key = node === undefined ? keyAt(tree, linkPath(link) + visitorPath(token)) : descend(node, visitorPath(token))
    return key === undefined ? undefined : unseal(sealed, key, { link, visitId, token })
  }
}
