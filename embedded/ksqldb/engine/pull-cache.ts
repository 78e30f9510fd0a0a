// Plans of pull queries by the shape of their text: the same query with another key is not parsed and planned again.
import type { PullPlan } from '../plan/pull-plan.js'

const TEXT_CHARS_MAX = 64 * 1024

/** Keys of one query; more are planned as ksqlDB does. */
const KEYS_MAX = 1000
/** A string literal, doubled quotes within, and the comma or the end behind it. */
const LITERAL = /'([^']*(?:''[^']*)*)'[ \r\n\t]*(?:,[ \r\n\t]*|$)/y

interface Shape { readonly text: string, readonly keys: readonly string[] }

/**
 * Knows queries that read keys given as string literals, `k = 'a'` or `k IN ('a', 'b')`, and whose plan reads nothing else from their literals.
 * So a text of one shape differs from another only in the keys.
 */
export class PullPlanCache {
  readonly #plans = new Map<string, PullPlan>()
  readonly #max: number

  constructor (max: number) {
    this.#max = max
  }

  /** The plan for this text, its keys put in. */
  get (sql: string): PullPlan | undefined {
    const shape = shapeOf(sql)
    const plan = shape === undefined ? undefined : this.#plans.get(shape.text)
    return shape === undefined || plan === undefined ? undefined : { ...plan, lookup: { kind: 'keys', keys: shape.keys.map(key => [key]) } }
  }

  /** Keeps the plan if other keys can be put into it. */
  put (sql: string, plan: PullPlan): void {
    const shape = shapeOf(sql)
    if (shape === undefined || plan.filter !== undefined || plan.lookup.kind !== 'keys' || !sameKeys(plan.lookup.keys, shape.keys)) return
    this.#plans.set(shape.text, plan)
    const [oldest] = this.#plans.keys()
    if (this.#plans.size > this.#max && oldest !== undefined) this.#plans.delete(oldest)
  }

  clear (): void {
    this.#plans.clear()
  }
}

function sameKeys (planned: readonly (readonly unknown[])[], keys: readonly string[]): boolean {
  const wanted = new Set<unknown>(keys)
  return planned.length === keys.length && planned.every(key => key.length === 1 && wanted.has(key[0]))
}

/** All string literals of the text, where they are what one key is compared with; undefined where the text is not of that kind. */
function shapeOf (sql: string): Shape | undefined {
  if (sql.length > TEXT_CHARS_MAX || sql.includes('--') || sql.includes('/*') || sql.includes('${')) return undefined
  const open = sql.indexOf("'")
  const close = sql.lastIndexOf("'")
  if (open < 0 || close === open) return undefined
  const before = sql.slice(0, open)
  const isList = /\bIN\s*\(\s*$/i.test(before.slice(-20))
  if (!isList && !/=\s*$/.test(before.slice(-20))) return undefined
  const keys = literals(sql.slice(open, close + 1))
  if (keys === undefined || (!isList && keys.length > 1)) return undefined
  return { text: `${before}\u0000${sql.slice(close + 1)}`, keys: [...new Set(keys)] }
}

/** What the text lists: string literals with commas between, and nothing else. */
function literals (text: string): string[] | undefined {
  const keys: string[] = []
  for (LITERAL.lastIndex = 0; LITERAL.lastIndex < text.length;) {
    const inner = LITERAL.exec(text)?.[1]
    if (inner === undefined || keys.length >= KEYS_MAX) return undefined
    keys.push(inner.replaceAll("''", "'"))
  }
  return keys
}
