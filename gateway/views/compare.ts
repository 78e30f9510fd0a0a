// Whether two tables hold the same, while both go on changing: every key of each is looked up in the other, and those that differ are asked
// for again until they agree, or time is up. So a table that is still reading the log is found equal when it has caught up, and not before.
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
  readonly shape: TableShape
  readonly wait: (ms: number) => Promise<void>
  /** Ends the comparison. */
  readonly signal: AbortSignal
}

/** Rows of a table by key and window, for a few keys. */
const rowsOf = async ({ ksqldb, shape }: CompareOptions, table: string, keys: readonly Row[]): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await ksqldb.pull(`SELECT * FROM ${table} WHERE ${condition(shape, keys)};`)
  return new Map(rows.map(row => [identity(shape, row), canonical(row)]))
}

const identity = (shape: TableShape, row: Row): string => JSON.stringify(row.slice(0, shape.keys.length + (shape.windowed ? 1 : 0)))

/** The keys of a batch for which the two tables do not hold the same rows. */
const differing = async (options: CompareOptions, one: string, other: string, keys: readonly Row[]): Promise<readonly Row[]> => {
  const [left, right] = await Promise.all([rowsOf(options, one, keys), rowsOf(options, other, keys)])
  const unequal = new Set<string>()
  for (const [id, row] of left) if (right.get(id) !== row) unequal.add(id)
  for (const id of right.keys()) if (!left.has(id)) unequal.add(id)
  const width = options.shape.keys.length
  const unequalKeys = new Set([...unequal].map(id => JSON.stringify((JSON.parse(id) as Row).slice(0, width))))
  return keys.filter(key => unequalKeys.has(JSON.stringify(key)))
}

/** Distinct keys of a table, a batch at a time, as they come. */
const batches = async function * (options: CompareOptions, table: string): AsyncGenerator<readonly Row[]> {
  const { rows } = await options.ksqldb.scan(`SELECT ${options.shape.keys.map(({ name }) => quoted(name)).join(', ')} FROM ${table};`, options.signal)
  let batch = new Map<string, Row>()
  for await (const row of rows) {
    batch.set(JSON.stringify(row), row)
    if (batch.size < batchMax) continue
    yield [...batch.values()]
    batch = new Map()
  }
  if (batch.size > 0) yield [...batch.values()]
}

interface OneWay { readonly keys: readonly Row[], readonly seen: number }

/** One way: every key of `one`. Undefined where too many differ to go on. */
const differingKeys = async (options: CompareOptions, one: string, other: string): Promise<OneWay | undefined> => {
  const found: Row[] = []
  let seen = 0
  for await (const keys of batches(options, one)) {
    seen += keys.length
    found.push(...await differing(options, one, other, keys))
    if (found.length > differingMax) return undefined
  }
  return { keys: found, seen }
}

/**
 * Resolves once both tables hold the same for every key of either, and gives the number of keys.
 * @throws the signal's reason where that comes first.
 */
export const untilEqual = async (options: CompareOptions, one: string, other: string): Promise<number> => {
  for (;;) {
    options.signal.throwIfAborted()
    const forth = await differingKeys(options, one, other)
    const back = forth === undefined ? undefined : await differingKeys(options, other, one)
    if (forth !== undefined && back !== undefined) {
      let left = [...forth.keys, ...back.keys]
      while (left.length > 0) {
        await options.wait(pauseMs)
        options.signal.throwIfAborted()
        const still: Row[] = []
        for (let at = 0; at < left.length; at += batchMax) still.push(...await differing(options, one, other, left.slice(at, at + batchMax)))
        left = still
      }
      return Math.max(forth.seen, back.seen)
    }
    await options.wait(pauseMs * 5)
  }
}
