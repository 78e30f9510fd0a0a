// Whether tables hold the same as their twins, while both go on changing: every key of each is looked up in the other, and those that differ are asked
// for again until they agree, or time is up. So a table that is still reading the log is found equal when it has caught up, and not before.
// Two queries commit at different moments: keys that change at every commit are asked for while visits are held back.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import { escapeString } from '../queries/escape.js'

export interface TableShape {
  /** Key columns by name, and whether each is text. */
  readonly keys: readonly { readonly name: string, readonly text: boolean }[]
  readonly windowed: boolean
}

interface Described {
  readonly fields: readonly { readonly name: string, readonly type?: string, readonly schema: { readonly type: string } }[]
  readonly windowType?: string | null
}

type Client = Pick<KsqlClient, 'scan' | 'pull' | 'statement'>

/** The shape of a table, as DESCRIBE tells it. */
export const shapeOf = async (ksqldb: Pick<KsqlClient, 'statement'>, table: string): Promise<TableShape> => {
  const [entity] = await ksqldb.statement(`DESCRIBE ${table};`) as unknown as readonly { readonly sourceDescription: Described }[]
  const described = entity?.sourceDescription
  if (described === undefined) throw new Error(`ksqlDB does not describe ${table}`)
  const keys = described.fields.filter(({ type }) => type === 'KEY').map(({ name, schema }) => ({ name, text: schema.type === 'STRING' }))
  return { keys, windowed: described.windowType !== null && described.windowType !== undefined }
}

/** Keys that are looked up together. */
const batchMax = 64
/** Keys that may differ and be asked for again; more are too many, and the scan begins anew. */
const differingMax = 5_000
const pauseMs = 200
/** What two queries commit at different moments settles by itself, unless a key changes at every commit. So keys are asked for so long in peace… */
const peaceMs = 5_000
/** …then while visits are held back, for less than a gateway may hold them… */
export const heldMs = 12_000
/** …and, where that was in vain, again in peace, each time for twice as long as before. */
const peaceAgainMs = 15_000
const peaceMsMax = 300_000
/** More are not asked for in the time of a hold. */
const heldKeysMax = 2_000

/** The same value gives the same text, whatever the order of a map's entries. */
const canonical = (value: unknown): string => JSON.stringify(value, (_, field: unknown) =>
  typeof field === 'object' && field !== null && !Array.isArray(field)
    ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => a < b ? -1 : 1))
    : field)

const literal = (value: unknown, text: boolean): string => text ? escapeString(String(value)) : String(Number(value))

const condition = (shape: TableShape, keys: readonly Row[]): string => {
  const [first] = shape.keys
  if (shape.keys.length === 1 && first !== undefined) {
    return `${quoted(first.name)} IN (${[...new Set(keys.map(key => literal(key[0], first.text)))].join(', ')})`
  }
  return keys.map(key => `(${shape.keys.map(({ name, text }, at) => `${quoted(name)} = ${literal(key[at], text)}`).join(' AND ')})`).join(' OR ')
}

const quoted = (name: string): string => `\`${name}\``

export interface CompareOptions {
  readonly ksqldb: Client
  readonly wait: (ms: number) => Promise<void>
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
  /** Ends the comparison. */
  readonly signal: AbortSignal
  /** Holds back what the tables are made of meanwhile, as far as that can be had, and for a bounded time. */
  readonly held: (during: () => Promise<void>) => Promise<void>
  /** Told of each pair that was found equal, with the number of its keys. */
  readonly onEqual: (pair: Pair, keys: number) => void
}

/** Two tables that are to hold the same. */
export interface Pair {
  readonly name: string
  readonly one: string
  readonly other: string
  readonly shape: TableShape
}

type Asking = Pick<CompareOptions, 'ksqldb'>

/** Rows of a table by key and window, for a few keys. */
const rowsOf = async ({ ksqldb }: Asking, shape: TableShape, table: string, keys: readonly Row[]): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await ksqldb.pull(`SELECT * FROM ${table} WHERE ${condition(shape, keys)};`)
  return new Map(rows.map(row => [identity(shape, row), canonical(row)]))
}

const identity = (shape: TableShape, row: Row): string => JSON.stringify(row.slice(0, shape.keys.length + (shape.windowed ? 1 : 0)))

/** The keys of a batch for which the two tables do not hold the same rows. */
const differing = async (options: Asking, { one, other, shape }: Pair, keys: readonly Row[]): Promise<readonly Row[]> => {
  const [left, right] = await Promise.all([rowsOf(options, shape, one, keys), rowsOf(options, shape, other, keys)])
  const unequal = new Set<string>()
  for (const [id, row] of left) if (right.get(id) !== row) unequal.add(id)
  for (const id of right.keys()) if (!left.has(id)) unequal.add(id)
  const width = shape.keys.length
  const unequalKeys = new Set([...unequal].map(id => JSON.stringify((JSON.parse(id) as Row).slice(0, width))))
  return keys.filter(key => unequalKeys.has(JSON.stringify(key)))
}

/** Distinct keys of a table, a batch at a time, as they come. */
const batches = async function * ({ ksqldb, signal }: CompareOptions, { keys }: TableShape, table: string): AsyncGenerator<readonly Row[]> {
  const { rows } = await ksqldb.scan(`SELECT ${keys.map(({ name }) => quoted(name)).join(', ')} FROM ${table};`, signal)
  let batch = new Map<string, Row>()
  for await (const row of rows) {
    batch.set(JSON.stringify(row), row)
    if (batch.size < batchMax) continue
    yield [...batch.values()]
    batch = new Map()
  }
  if (batch.size > 0) yield [...batch.values()]
}

/** Keys of a pair that are not seen equal yet, and how many keys there are. */
interface Left { readonly keys: readonly Row[], readonly seen: number }

/** One way: every key of a table. Undefined where too many differ to go on. */
const differingKeys = async (options: CompareOptions, pair: Pair, table: string): Promise<Left | undefined> => {
  const found: Row[] = []
  let seen = 0
  for await (const keys of batches(options, pair.shape, table)) {
    seen += keys.length
    found.push(...await differing(options, pair, keys))
    if (found.length > differingMax) return undefined
  }
  return { keys: found, seen }
}

/** Both ways; begun anew until few enough differ to be asked for again. */
const scanned = async (options: CompareOptions, pair: Pair): Promise<Left> => {
  for (;;) {
    options.signal.throwIfAborted()
    const forth = await differingKeys(options, pair, pair.one)
    const back = forth === undefined ? undefined : await differingKeys(options, pair, pair.other)
    if (forth !== undefined && back !== undefined) return { keys: [...forth.keys, ...back.keys], seen: Math.max(forth.seen, back.seen) }
    await options.wait(pauseMs * 5)
  }
}

class Comparison {
  readonly #options: CompareOptions
  readonly #left = new Map<Pair, Left>()

  constructor (options: CompareOptions) {
    this.#options = options
  }

  take (pair: Pair, { keys, seen }: Left): void {
    if (keys.length > 0) this.#left.set(pair, { keys, seen })
    else {
      this.#left.delete(pair)
      this.#options.onEqual(pair, seen)
    }
  }

  get keysLeft (): number {
    return [...this.#left.values()].reduce((sum, { keys }) => sum + keys.length, 0)
  }

  /** Asks again and again for what is left, for so long. */
  async askAgain (ms: number): Promise<void> {
    const { now, wait } = this.#options
    for (const end = now() + ms; this.#left.size > 0 && now() < end;) {
      await wait(pauseMs)
      for (const [pair, { keys, seen }] of this.#left) {
        this.#options.signal.throwIfAborted()
        const still: Row[] = []
        for (let at = 0; at < keys.length; at += batchMax) still.push(...await differing(this.#options, pair, keys.slice(at, at + batchMax)))
        this.take(pair, { keys: still, seen })
      }
    }
  }
}

/**
 * Resolves once the two tables of each pair have been seen to hold the same for every key of either.
 * @throws the signal's reason where that comes first.
 */
export const untilEqual = async (options: CompareOptions, pairs: readonly Pair[]): Promise<void> => {
  const comparison = new Comparison(options)
  for (const pair of pairs) comparison.take(pair, await scanned(options, pair))
  for (let [ms, next] = [peaceMs, peaceAgainMs]; comparison.keysLeft > 0; [ms, next] = [next, Math.min(next * 2, peaceMsMax)]) {
    await comparison.askAgain(ms)
    if (comparison.keysLeft > 0 && comparison.keysLeft <= heldKeysMax) await options.held(async () => await comparison.askAgain(heldMs))
  }
}
