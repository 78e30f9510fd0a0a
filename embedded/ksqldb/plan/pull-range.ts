// Which stretch of a table's ordered state the conditions on its key columns leave: leading columns that equal something, then bounds of the next.
import type { Expression } from '../sql/ast.js'
import type { SqlBaseType, SqlType } from '../sql/sql-type.js'
import type { KeyRange, PullBound } from './pull-plan.js'
import type { Column } from './schema.js'
import type { Value } from './value.js'

/** A condition on one key column; the value is of the column's type. */
export interface KeyCondition {
  readonly column: number
  readonly operator: '=' | '>' | '>=' | '<' | '<='
  readonly value: Value
  /** The bound that ksqlDB itself gives to its store, which compares bytes: taken as it is. Others may only leave out what WHERE leaves out. */
  readonly isStoreBound?: boolean
}

/** Types whose order in the state is that of `<`, text but for what `narrowed` sees to. BYTES is not: `<` takes bytes as signed. */
const ORDERED: ReadonlySet<SqlBaseType> = new Set<SqlBaseType>(['STRING', 'INTEGER', 'BIGINT', 'DATE', 'TIME', 'TIMESTAMP'])

export function isOrdered (type: SqlType): boolean {
  return ORDERED.has(type.base)
}

const FIRST_SURROGATE = 0xd800
const AFTER_SURROGATES = '\ue000'

/** The text up to where the order of UTF-16, WHERE's, and the order of UTF-8, the state's, may part. */
function sharedOrder (text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= FIRST_SURROGATE) return text.slice(0, i)
  return text
}

/** The first text behind all that begin with this one, which has no character from the surrogates on; undefined for the empty text. */
function behind (prefix: string): string | undefined {
  if (prefix === '') return undefined
  const last = prefix.charCodeAt(prefix.length - 1) + 1
  return prefix.slice(0, -1) + (last >= FIRST_SURROGATE ? AFTER_SURROGATES : String.fromCharCode(last))
}

/** The bound moved outwards where the two orders of text may part; undefined where it would bound nothing. */
function narrowed ({ operator, value, isStoreBound = false }: KeyCondition): PullBound<Value> | undefined {
  const inclusive = operator.endsWith('=')
  if (isStoreBound || typeof value !== 'string') return { value, inclusive }
  const shared = sharedOrder(value)
  if (shared === value) return { value, inclusive }
  if (operator.startsWith('>')) return shared === '' ? undefined : { value: shared, inclusive: true }
  const end = behind(shared)
  return end === undefined ? undefined : { value: end, inclusive: false }
}

function compare (a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return Buffer.compare(a, b)
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

/** The tighter of two bounds; `sign` 1 for lower bounds, -1 for upper ones. */
function tighter (a: PullBound<Value> | undefined, b: PullBound<Value> | undefined, sign: 1 | -1): PullBound<Value> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const order = compare(a.value, b.value) * sign
  return order > 0 || (order === 0 && !a.inclusive) ? a : b
}

/** Conditions that hold together, as one stretch of keys; undefined where they bound nothing. Rows of the stretch still pass WHERE. */
export function keyRange (keys: readonly Column[], conditions: readonly KeyCondition[]): KeyRange | undefined {
  const prefix: Value[] = []
  for (const column of keys.keys()) {
    const here = conditions.filter(c => c.column === column)
    const equal = here.find(c => c.operator === '=')
    if (equal !== undefined) {
      prefix.push(equal.value)
      continue
    }
    const bound = (side: '>' | '<'): PullBound<Value> | undefined =>
      here.filter(c => c.operator.startsWith(side)).map(narrowed).reduce((a, b) => tighter(a, b, side === '>' ? 1 : -1), undefined)
    const from = bound('>')
    const to = bound('<')
    if (prefix.length === 0 && from === undefined && to === undefined) return undefined
    return { prefix, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  }
  return prefix.length === 0 ? undefined : { prefix }
}

/** What `k LIKE 'abc%'` says of the order of keys: they begin with abc. */
export function likeConditions (column: number, like: Extract<Expression, { node: 'Like' }>): KeyCondition[] {
  if (like.pattern.node !== 'StringLiteral') return []
  const { value: pattern } = like.pattern
  let end = 0
  while (end < pattern.length && pattern[end] !== '%' && pattern[end] !== '_' && pattern[end] !== like.escape) end++
  const start = sharedOrder(pattern.slice(0, end))
  const after = behind(start)
  return after === undefined ? [] : [{ column, operator: '>=', value: start }, { column, operator: '<', value: after }]
}
