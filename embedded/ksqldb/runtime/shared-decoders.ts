// One decoder for all queries that read a topic in the same way: it reads the columns that any of them asks for.
import { createDecoder, decoderId } from './source-decoder.js'
import type { DecoderDependencies, SourceDescription } from './source-decoder.js'
import type { RecordDecoder } from './topic-reader.js'

interface Shared {
  users: number
  /** undefined: all. */
  reads: ReadonlySet<string> | undefined
  decoder: Promise<RecordDecoder>
}

/** What one query holds of a decoder until it is released. */
export interface DecoderLease {
  /** May be another after each query that starts. */
  current (): Promise<RecordDecoder>
  release (): void
}

const union = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined =>
  a === undefined || b === undefined ? undefined : new Set([...a, ...b])

export class SharedDecoders {
  readonly #shared = new Map<string, Shared>()

  /** Throws SerdeError where the formats cannot hold the columns. */
  async lease (source: SourceDescription, dependencies: DecoderDependencies): Promise<DecoderLease> {
    const { reads, ...all } = source
    const id = decoderId(all)
    const make = (columns: ReadonlySet<string> | undefined): Promise<RecordDecoder> =>
      createDecoder(columns === undefined ? all : { ...all, reads: columns }, dependencies)
    let shared = this.#shared.get(id)
    if (shared === undefined) this.#shared.set(id, shared = { users: 0, reads, decoder: make(reads) })
    const wider = union(shared.reads, reads)
    if (wider?.size !== shared.reads?.size) {
      shared.reads = wider
      shared.decoder = make(wider)
    }
    shared.users++
    const held = shared
    const release = (): void => { if (--held.users === 0 && this.#shared.get(id) === held) this.#shared.delete(id) }
    try {
      await held.decoder
    } catch (error) {
      release()
      throw error
    }
    return { current: () => held.decoder, release }
  }
}
