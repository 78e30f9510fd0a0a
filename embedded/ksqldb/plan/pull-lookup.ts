// The WHERE clause of a pull query: which keys and windows of a table's state it asks for (ksqlDB's QueryFilterNode, PullQueryRewriter).
import type { Expression } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { BIGINT, printSqlType } from '../sql/sql-type.js'
import { castBetween } from './cast.js'
import { canCoerce, isLiteral } from './coercion.js'
import { NodeCompiler } from './compile-node.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { parseTimestamp } from './iso-time.js'
import { isWindowBound } from './logical-schema.js'
import type { DataSource } from './metastore.js'
import { printExpressionPlain } from './print.js'
import type { InstantRange, PullBound, PullLookup, PullPlan } from './pull-plan.js'
import type { KeyCondition } from './pull-range.js'
import { isOrdered, keyRange, likeConditions } from './pull-range.js'
import type { Column } from './schema.js'
import { columnsIn, isColumnReference, walk } from './tree.js'
import type { Value } from './value.js'

type Comparison = Extract<Expression, { node: 'Comparison' }>
type Operator = Comparison['operator']

export const PULL_QUERY_HELP = ' See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.'
const BOUND_OPERATORS: readonly Operator[] = ['=', '>', '>=', '<', '<=']
const OPERATOR_NAMES: Readonly<Record<Operator, string>> = {
  '=': 'EQUAL', '<>': 'NOT_EQUAL', '<': 'LESS_THAN', '<=': 'LESS_THAN_OR_EQUAL', '>': 'GREATER_THAN', '>=': 'GREATER_THAN_OR_EQUAL',
  'IS DISTINCT FROM': 'IS_DISTINCT_FROM', 'IS NOT DISTINCT FROM': 'IS_NOT_DISTINCT_FROM'
}
function isRangeOperator (operator: Operator): operator is KeyCondition['operator'] {
  return BOUND_OPERATORS.includes(operator)
}

const MIRRORED: Partial<Record<Operator, Operator>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/** More alternatives than this are not looked up one by one: the whole state is scanned. */
const DISJUNCTS_MAX = 10_000

/** ksqlDB's long answer to a WHERE clause that it cannot look up. */
export function invalidWhere (message: string, isWindowed: boolean): KsqlError {
  const bounds = isWindowed
    ? '\n - (optionally) limits the time bounds of the windowed table.\n\t Bounds on [`WINDOWSTART`, `WINDOWEND`] are supported\n' +
      '\t Supported operators are [EQUAL, GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN, LESS_THAN_OR_EQUAL]'
    : ''
  return new KsqlError(`${message}. ${PULL_QUERY_HELP}\nPull queries require a WHERE clause that:\n` +
    ' - includes a key equality expression, e.g. `SELECT * FROM X WHERE <key-column> = Y;`.\n' +
    ' - in the case of a multi-column key, is a conjunction of equality expressions that cover all key columns.\n' +
    ' - to support range expressions, e.g.,  SELECT * FROM X WHERE <key-column> < Y;`, range scans need to be enabled by setting ' +
    `ksql.query.pull.range.scan.enabled=true${bounds}\nIf more flexible queries are needed, , table scans can be enabled by setting ksql.query.pull.table.scan.enabled=true.`)
}

/** The condition as alternatives, each a list of terms that must all hold; undefined where there are too many. */
function alternativesOf (e: Expression, negated: boolean): Expression[][] | undefined {
  switch (e.node) {
    case 'Not': return alternativesOf(e.value, !negated)
    case 'Between': {
      const low: Expression = { node: 'Comparison', operator: '>=', left: e.value, right: e.min }
      const high: Expression = { node: 'Comparison', operator: '<=', left: e.value, right: e.max }
      return alternativesOf({ node: 'LogicalBinary', operator: 'AND', left: low, right: high }, negated)
    }
    case 'InPredicate': {
      if (negated) return [[{ node: 'Not', value: e }]]
      return e.values.length > DISJUNCTS_MAX ? undefined : e.values.map((right): Expression[] => [{ node: 'Comparison', operator: '=', left: e.value, right }])
    }
    case 'LogicalBinary': {
      const left = alternativesOf(e.left, negated)
      const right = alternativesOf(e.right, negated)
      if (left === undefined || right === undefined) return undefined
      if ((e.operator === 'OR') !== negated) return left.length + right.length > DISJUNCTS_MAX ? undefined : [...left, ...right]
      return left.length * right.length > DISJUNCTS_MAX ? undefined : left.flatMap(a => right.map(b => [...a, ...b]))
    }
    default: return [[negated ? { node: 'Not', value: e } : e]]
  }
}

/** A term that compares a column with what can be told without rows, the column on the left. */
interface ColumnTerm { readonly column: string, readonly operator: Operator, readonly other: Expression, readonly term: Comparison }

/** What one alternative asks for; `scan`: nothing that can be looked up. */
interface Alternative {
  readonly keys: ReadonlyMap<number, { readonly operator: Operator, readonly value: Value }>
  readonly start: InstantRange
  readonly end: InstantRange
}

/** The server's or session's leave to read more than single keys; both by default. */
export interface Scans { readonly table: boolean, readonly range: boolean }

export class LookupExtractor {
  readonly #source: DataSource
  readonly #functions: FunctionRegistry
  readonly #isWindowed: boolean
  readonly #scans: Scans

  constructor (source: DataSource, functions: FunctionRegistry, scans: Scans) {
    this.#source = source
    this.#functions = functions
    this.#isWindowed = source.window !== undefined
    this.#scans = scans
  }

  /** Gives undefined, for a scan, where scans are allowed. */
  #scan (message: string, isWindowed = this.#isWindowed): undefined {
    if (!this.#scans.table) throw invalidWhere(message, isWindowed)
    return undefined
  }

  /** What to read, and whether the lookup alone decides (then no filter is needed). Throws KsqlError. */
  extract (where: Expression): Pick<PullPlan, 'lookup' | 'windowStart' | 'windowEnd'> & { readonly isExact: boolean } {
    const alternatives = alternativesOf(where, false)
    if (alternatives === undefined) return { lookup: { kind: 'scan' }, isExact: false }
    const [only, ...others] = alternatives
    const range = only === undefined || others.length > 0 ? undefined : keyRange(this.#source.schema.key, this.#conditions(only))
    const scan = { lookup: range === undefined ? { kind: 'scan' } as const : { kind: 'range' as const, ...range }, isExact: false }
    let needsScan = false
    const terms = alternatives.map(alternative => {
      const found = this.#columnTerms(alternative)
      if (found === undefined) needsScan = true
      return found ?? []
    })
    if (needsScan) return scan
    const wanted = terms.map(alternative => this.#alternative(alternative))
    const lookup = this.#lookup(wanted, alternatives)
    if (lookup.kind === 'scan') {
      if (!this.#scans.table) throw new KsqlError('Query requires table scan to be enabled. Table scans can be enabled by setting ksql.query.pull.table.scan.enabled=true')
      return scan
    }
    const isExact = lookup.kind === 'keys' && terms.every(alternative => alternative.length === this.#source.schema.key.length)
    const [first] = wanted
    const sameWindows = first !== undefined && this.#isWindowed && wanted.every(a => sameRange(a.start, first.start) && sameRange(a.end, first.end))
    return {
      lookup, isExact,
      ...(sameWindows && hasBound(first.start) ? { windowStart: first.start } : {}),
      ...(sameWindows && hasBound(first.end) ? { windowEnd: first.end } : {})
    }
  }

  /** undefined: the alternative cannot be looked up. Throws KsqlError for what pull queries refuse. */
  #columnTerms (alternative: readonly Expression[]): ColumnTerm[] | undefined {
    const terms: ColumnTerm[] = []
    const { key } = this.#source.schema
    let scan = false
    const seen = new Set<number>()
    for (const term of alternative) {
      const found = this.#columnTerm(term)
      if (found === undefined) {
        scan ||= term.node !== 'Like' || !isColumnReference(term.value)
        continue
      }
      const index = key.findIndex(c => c.name === found.column)
      if (index >= 0) {
        if (found.operator === '<>' || found.operator.startsWith('IS')) {
          this.#scan(`Bound on key columns '[${key.map(c => `\`${c.name}\` ${printSqlType(c.type)} KEY`).join(', ')}]' must currently be '='`)
          scan = true
        }
        if (seen.has(index)) this.#scan('A comparison condition on the key column cannot be combined with other comparisons such as an IN predicate')
        seen.add(index)
      }
      terms.push(found)
    }
    if (scan) return undefined
    if (seen.size === 0) return this.#scan(`WHERE clause missing key column for disjunct: ${printExpressionPlain(conjunction(alternative))}`)
    if (seen.size !== key.length) {
      const names = [...seen].sort((x, y) => x - y).map(i => `\`${key[i]?.name ?? ''}\``).join(', ')
      const expected = key.map(c => `\`${c.name}\` ${printSqlType(c.type)} KEY`).join(', ')
      return this.#scan(`Multi-column sources must specify every key in the WHERE clause. Specified: [${names}] Expected: [${expected}]`)
    }
    return terms
  }

  #columnTerm (term: Expression): ColumnTerm | undefined {
    if (term.node === 'Like') return this.#checkLike(term)
    if (term.node !== 'Comparison') throw invalidWhere(`Unsupported expression in WHERE clause: ${printExpressionPlain(term)}`, false)
    const onRight = isColumnReference(term.right)
    const reference = onRight ? term.right : term.left
    const other = onRight ? term.left : term.right
    if (!isColumnReference(reference)) return this.#scan('A comparison must directly reference a key column')
    if (columnsIn(other).length > 0) return this.#scan('A comparison must be between a key column and a resolvable expression')
    if (isWindowBound(reference.name)) {
      if (!BOUND_OPERATORS.includes(term.operator)) throw invalidWhere(`Unsupported \`${reference.name}\` bounds: ${OPERATOR_NAMES[term.operator]}`, true)
      if (!this.#isWindowed) throw invalidWhere('Cannot use WINDOWSTART/WINDOWEND on non-windowed source', false)
    }
    return { column: reference.name, operator: onRight ? MIRRORED[term.operator] ?? term.operator : term.operator, other, term }
  }

  #checkLike (term: Extract<Expression, { node: 'Like' }>): undefined {
    if (!isColumnReference(term.value)) return this.#scan('Like condition must be between strings')
    const { name } = term.value
    const column = [...this.#source.schema.key, ...this.#source.schema.value].find(c => c.name === name)
    if (column !== undefined && column.type.base !== 'STRING') {
      throw invalidWhere(`The column type for Like condition must be VARCHAR. The column type is ${column.type.base}`, this.#isWindowed)
    }
    return undefined
  }

  #alternative (terms: readonly ColumnTerm[]): Alternative {
    const keys = new Map<number, { operator: Operator, value: Value }>()
    for (const { column, operator, other, term } of terms) {
      const index = this.#source.schema.key.findIndex(c => c.name === column)
      if (index < 0) continue
      const value = this.#keyValue(other, this.#source.schema.key[index] as Column, term)
      const known = keys.get(index)
      if (known === undefined || (known.operator !== '=' && operator === '=')) keys.set(index, { operator, value })
    }
    return { keys, start: this.#instants(terms, 'WINDOWSTART'), end: this.#instants(terms, 'WINDOWEND') }
  }

  /**
   * What the terms say of where keys lie in the state. ksqlDB reads all rows, or all on one side of one bound; the rows between are found here too,
   * never others: what is not certain is left out, and nothing is refused.
   */
  #conditions (terms: readonly Expression[]): KeyCondition[] {
    const { key } = this.#source.schema
    const indexOf = (e: Expression): number => isColumnReference(e) ? key.findIndex(c => c.name === e.name) : -1
    return terms.flatMap(term => {
      if (term.node === 'Like') {
        const index = indexOf(term.value)
        return key[index]?.type.base === 'STRING' ? likeConditions(index, term) : []
      }
      if (term.node !== 'Comparison') return []
      const onRight = indexOf(term.right) >= 0
      const index = indexOf(onRight ? term.right : term.left)
      const type = key[index]?.type
      const operator = onRight ? MIRRORED[term.operator] ?? term.operator : term.operator
      if (type === undefined || !isOrdered(type) || !isRangeOperator(operator)) return []
      const value = this.#fixedValue(onRight ? term.left : term.right, type)
      return value === undefined ? [] : [{ column: index, operator, value }]
    })
  }

  /** The value of an expression without columns and calls, where it is of the type, or an INTEGER for a BIGINT. */
  #fixedValue (e: Expression, type: SqlType): Value | undefined {
    let isFixed = true
    walk(e, ({ node }) => { isFixed &&= node !== 'FunctionCall' && node !== 'UnqualifiedColumnReference' && node !== 'QualifiedColumnReference' })
    if (!isFixed) return undefined
    try {
      const { type: found, cast } = this.#constant(e, type)
      const fits = found?.base === type.base || (found?.base === 'INTEGER' && type.base === 'BIGINT')
      return fits && cast !== null ? cast : undefined
    } catch {
      return undefined
    }
  }

  #constant (e: Expression, type: SqlType): { readonly type: SqlType | undefined, readonly value: Value, readonly cast: Value | undefined } {
    const compiled = new NodeCompiler([], { functions: this.#functions }).compile(e)
    const value = compiled.evaluate([])
    if (value === null || compiled.type === undefined) return { type: compiled.type, value: null, cast: undefined }
    if (canCoerce(compiled.type, type, false) === undefined) return { type: compiled.type, value, cast: undefined }
    try {
      return { type: compiled.type, value, cast: castBetween(compiled.type, type)(value) }
    } catch {
      return { type: compiled.type, value, cast: undefined }
    }
  }

  #keyValue (e: Expression, column: Column, term: Comparison): Value {
    const { value, cast } = this.#constant(e, column.type)
    if (value === null) throw new KsqlError(`Primary key columns can not be NULL: ${printExpressionPlain(term)}`)
    if (cast === undefined) {
      const text = isLiteral(e) && 'value' in e ? String(e.value) : String(value)
      throw new KsqlError(`'${text}' can not be converted to the type of the key column: ${column.name} ${printSqlType(column.type)} KEY`)
    }
    return cast
  }

  #instant (e: Expression): number {
    if (e.node === 'StringLiteral') {
      try {
        return parseTimestamp(e.value)
      } catch {
        throw invalidWhere(`Failed to parse datetime: ${e.value}`, true)
      }
    }
    const { cast } = this.#constant(e, BIGINT)
    if (cast === undefined || cast === null) throw invalidWhere('Window bounds must resolve to an INT, BIGINT, or STRING containing a datetime.', true)
    return Number(cast)
  }

  #instants (terms: readonly ColumnTerm[], column: string): InstantRange {
    const range: { equal?: number[], from?: PullBound<number>, to?: PullBound<number> } = {}
    for (const { operator, other, term } of terms.filter(t => t.column === column)) {
      const value = this.#instant(other)
      const inclusive = operator.endsWith('=')
      const end = operator === '=' ? 'equal' : operator.startsWith('>') ? 'from' : 'to'
      const isTaken = range[end] !== undefined
      if (end === 'equal') range.equal = [value]
      else range[end] = { value, inclusive }
      if (range.equal !== undefined && (range.from !== undefined || range.to !== undefined)) {
        throw invalidWhere(`\`${printExpressionPlain(term)}\` cannot be combined with other \`${column}\` bounds`, true)
      }
      if (isTaken) throw invalidWhere(`Duplicate \`${column}\` bounds on: ${OPERATOR_NAMES[end === 'equal' ? '=' : end === 'from' ? '>' : '<']}`, true)
    }
    return range
  }

  #lookup (alternatives: readonly Alternative[], terms: readonly (readonly Expression[])[]): PullLookup {
    const columns = this.#source.schema.key
    if (alternatives.every(a => [...a.keys.values()].every(k => k.operator === '='))) {
      const keys = new Map<string, Value[]>()
      for (const { keys: found } of alternatives) {
        const key = columns.map((_, i) => found.get(i)?.value ?? null)
        keys.set(key.map(keyText).join('\0'), key)
      }
      return { kind: 'keys', keys: [...keys.values()] }
    }
    const only = alternatives.length === 1 && columns.length === 1 ? alternatives[0]?.keys.get(0) : undefined
    const base = columns[0]?.type.base
    if (only === undefined || (base !== 'STRING' && base !== 'BYTES') || this.#isWindowed || !this.#scans.range) return { kind: 'scan' }
    const storeBound: KeyCondition = { column: 0, operator: only.operator as KeyCondition['operator'], value: only.value, isStoreBound: true }
    const range = keyRange(columns, [storeBound, ...this.#conditions(terms[0] ?? [])])
    return range === undefined ? { kind: 'scan' } : { kind: 'range', ...range }
  }
}

function conjunction (terms: readonly Expression[]): Expression {
  return terms.reduce((left, right): Expression => ({ node: 'LogicalBinary', operator: 'AND', left, right }))
}

function keyText (value: Value): string {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  return Array.isArray(value) ? `[${value.map(keyText).join()}]` : `${typeof value} ${String(value)}`
}

function hasBound (range: InstantRange): boolean {
  return range.equal !== undefined || range.from !== undefined || range.to !== undefined
}

function sameRange (a: InstantRange, b: InstantRange): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
