// Seals visits as they are shipped, on the shipper's thread: makes a root of its own for each day, and the day's pepper where no gateway has made one yet.
// A root is on the log before anything is sealed under it, and whatever an erasure has taken something out of is not sealed under any more.
import { randomBytes } from 'node:crypto'
import { keyBytes } from './hmac.js'
import { descend, encodeTree } from './key-tree.js'
import { dayOf, pepperKey, rootKey, type KeyRing } from './key-ring.js'
import { linkPath, rootIdBytes, seal, tokenOf, visitorPath } from './seal.js'

export interface SealerOptions {
  readonly ring: Pick<KeyRing, 'refresh' | 'root' | 'pepper'>
  /** Resolves once the topic of keys has the record. */
  readonly append: (key: string, value: Buffer) => Promise<void>
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

export interface Sealed { readonly token: string, readonly sealed: Buffer }

interface OwnRoot { readonly id: Buffer, readonly key: Buffer, readonly heads: Map<string, Buffer>, readonly nodes: Map<string, Buffer> }

/** How long an erasure may go unseen: what is sealed meanwhile under a key that was destroyed is erased as well. */
const refreshMs = 1_000
/** Of an outage's visits many days may come at once. */
const daysMax = 64
/** Every link's path begins with one of 4,096 such: half the way down to a link that was not seen of late. */
const headDigits = 6
/** Nodes that are remembered of a root: of links, and of visitors on them. */
const nodesMax = 40_000

const remembered = (nodes: Map<string, Buffer>, name: string, make: () => Buffer): Buffer => {
  const known = nodes.get(name)
  if (known !== undefined) return known
  if (nodes.size >= nodesMax) nodes.clear()
  const node = make()
  nodes.set(name, node)
  return node
}

const nodeOfLink = ({ key, heads }: OwnRoot, path: string): Buffer => {
  const head = path.slice(0, headDigits)
  return descend(remembered(heads, head, () => descend(key, head)), path.slice(headDigits))
}

export class VisitSealer {
  readonly #options: SealerOptions
  readonly #roots = new Map<number, OwnRoot>()
  #refreshedAt = -Infinity

  constructor (options: SealerOptions) {
    this.#options = options
  }

  /** To be awaited before visits of these days (since 1970) are sealed. @throws Error where the topic of keys does not answer. */
  async ready (days: ReadonlySet<number>): Promise<void> {
    const { ring, now } = this.#options
    if (now() - this.#refreshedAt >= refreshMs) {
      await ring.refresh()
      this.#refreshedAt = now()
    }
    if (this.#roots.size > daysMax) for (const day of this.#roots.keys()) if (!days.has(day)) this.#roots.delete(day)
    for (const day of days) {
      if (ring.pepper(day) === undefined) await this.#write(pepperKey(day, randomBytes(rootIdBytes).toString('hex')), randomBytes(keyBytes))
      const own = this.#roots.get(day)
      if (own === undefined || ring.root(own.id.toString('hex'))?.isWhole !== true) await this.#makeRoot(day)
    }
    for (const day of days) if (ring.pepper(day) === undefined) throw new Error('the pepper of a day was destroyed as soon as it was made')
  }

  async #write (key: string, value: Buffer): Promise<void> {
    await this.#options.append(key, value)
    await this.#options.ring.refresh()
  }

  async #makeRoot (day: number): Promise<void> {
    const [id, key] = [randomBytes(rootIdBytes), randomBytes(keyBytes)]
    this.#roots.delete(day)
    await this.#write(rootKey(day, id.toString('hex')), encodeTree(new Map([['', key]])))
    this.#roots.set(day, { id, key, heads: new Map(), nodes: new Map() })
  }

  /** @throws Error for a visit of a day that was not made ready. */
  seal (link: string, visitId: string, visitedAt: number, visitor: string): Sealed {
    const day = dayOf(visitedAt)
    const [own, pepper] = [this.#roots.get(day), this.#options.ring.pepper(day)]
    if (own === undefined || pepper === undefined) throw new Error('visits of this day are not ready to be sealed')
    const token = tokenOf(pepper, visitor)
    const way = visitorPath(token)
    const ofLink = () => remembered(own.nodes, link, () => nodeOfLink(own, linkPath(link)))
    const ofVisitor = remembered(own.nodes, `${way} ${link}`, () => descend(ofLink(), way))
    return { token, sealed: seal(own.id, ofVisitor, { link, visitId, token }, visitor) }
  }
}
