// Producer ids: never given twice, not even across a kill. A block is put on record before the first id of it is given.
import type { MetadataStore } from '../topics/metadata-store.js'

const BLOCK = 1000
const NEXT_KEY = 'producer-ids/next'

export class ProducerIds {
  readonly #store: MetadataStore
  #next: number
  #end: number
  #reserving: Promise<void> | undefined
  readonly #internal: Set<number>

  constructor (store: MetadataStore) {
    this.#store = store
    this.#next = this.#end = store.get<number>(NEXT_KEY) ?? 0
    this.#internal = new Set([...store.entries<number>('producer-ids/internal/')].map(([, id]) => id))
  }

  async next (): Promise<number> {
    while (this.#next >= this.#end) {
      this.#reserving ??= this.#reserve()
      await this.#reserving
    }
    return this.#next++
  }

  async #reserve (): Promise<void> {
    try {
      const end = this.#end + BLOCK
      await this.#store.set([[NEXT_KEY, end]])
      this.#end = end
    } finally {
      this.#reserving = undefined
    }
  }

  /** Whether the id is one that a name of the same process has for ever. */
  isInternal (producerId: number): boolean { return this.#internal.has(producerId) }

  /** The id that `name` has had since it first asked. */
  async internal (name: string): Promise<number> {
    const key = `producer-ids/internal/${name}`
    const known = this.#store.get<number>(key)
    if (known !== undefined) return known
    const id = await this.next()
    const meanwhile = this.#store.get<number>(key)
    if (meanwhile !== undefined) return meanwhile
    await this.#store.set([[key, id]])
    this.#internal.add(id)
    return id
  }
}
