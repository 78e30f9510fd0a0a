// Plans of pull queries by the shape of their text: the same query with another key is not parsed and planned again.
import type { PullPlan } from '../plan/pull-plan.js'
import { tokenize, unquote } from '../sql/lexer.js'

const TEXT_CHARS_MAX = 2000

interface CachedPlan { readonly plan: PullPlan, readonly key: string }

/** Knows queries that read one key given as one string literal, and whose plan reads nothing else from their literals. */
export class PullPlanCache {
  readonly #plans = new Map<string, CachedPlan>()
  readonly #max: number

  constructor (max: number) {
    this.#max = max
  }

  /** The plan for this text, its key put in. */
  get (sql: string): PullPlan | undefined {
    const shape = shapeOf(sql)
    const cached = shape === undefined ? undefined : this.#plans.get(shape.text)
    if (shape === undefined || cached === undefined) return undefined
    return shape.key === cached.key ? cached.plan : { ...cached.plan, lookup: { kind: 'keys', keys: [[shape.key]] } }
  }

  /** Keeps the plan if another key can be put into it. */
  put (sql: string, plan: PullPlan): void {
    const shape = shapeOf(sql)
    if (shape === undefined || plan.filter !== undefined || plan.lookup.kind !== 'keys') return
    const [key, ...more] = plan.lookup.keys
    if (more.length > 0 || key?.length !== 1 || key[0] !== shape.key) return
    this.#plans.set(shape.text, { plan, key: shape.key })
    const [oldest] = this.#plans.keys()
    if (this.#plans.size > this.#max && oldest !== undefined) this.#plans.delete(oldest)
  }

  clear (): void {
    this.#plans.clear()
  }
}

/** The text before and behind its last string literal, which must be what a key is compared with; undefined where the text is not of that kind. */
function shapeOf (sql: string): { text: string, key: string } | undefined {
  if (sql.length > TEXT_CHARS_MAX || sql.includes('--') || sql.includes('/*') || sql.includes('${')) return undefined
  const open = sql.indexOf("'")
  const close = sql.lastIndexOf("'")
  if (open < 0 || close === open || !/=\s*$/.test(sql.slice(Math.max(0, open - 20), open))) return undefined
  // All that stands between the first and the last quote must be one literal: quotes within it doubled.
  const literal = sql.slice(open, close + 1)
  const tokens = tokenize(literal)
  if (tokens.length !== 2 || tokens[0]?.kind !== 'STRING') return undefined
  return { text: `${sql.slice(0, open)}\u0000${sql.slice(close + 1)}`, key: unquote(literal) }
}
