// What the nodes of the logical plan have in common: a schema, the columns that `*` stands for, the key that a projection must keep.
import type { Expression, SelectItem } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { ExpressionTypes } from './expression-type.js'
import type { LogicalSchema } from './schema.js'
import type { KeyFormat } from './serde-formats.js'
import type { ExecutionStep, FormatInfo } from './steps.js'
import type { DataSource } from './metastore.js'
import { printExpressionPlain } from './print.js'
import { keyOf } from './tree.js'

/** A node turned into execution steps. */
export interface Built {
  readonly kind: 'STREAM' | 'TABLE'
  readonly step: ExecutionStep
  readonly keyFormat: KeyFormat
}

/** What all nodes need from outside. */
export interface PlanContext {
  readonly functions: FunctionRegistry
  readonly properties: Readonly<Record<string, string>>
  /** How many partitions a topic has; undefined where it is not known. */
  readonly partitions?: ((topic: string) => number | undefined) | undefined
}

export interface SourceNodeLike {
  readonly alias: string
  readonly source: DataSource
}

export interface PlanNode {
  readonly kind: 'STREAM' | 'TABLE'
  /** The value columns hold the system columns and the key too, as those of the steps do. */
  readonly schema: LogicalSchema
  /** All sources beneath, from the left. */
  readonly sources: readonly SourceNodeLike[]
  /** What a projected expression becomes over this node. */
  resolveSelect (index: number, expression: Expression): Expression
  /** The columns of `*`, or of `alias.*`. */
  starColumns (alias: string | undefined): readonly string[]
  /** Throws KsqlError where a projection leaves out the key. */
  checkKeyPresent (sink: string, projection: Projection): void
  build (context: PlanContext): Built
}

/** The format in which a node's values go through internal topics: that of the leftmost source. */
export function valueFormatOf (node: PlanNode): FormatInfo {
  const [leftmost] = node.sources
  if (leftmost === undefined) throw new KsqlError('A plan needs a source.')
  const { format, properties } = leftmost.source.formats.value
  return { format, properties, features: [] }
}

export function typesOf (schema: LogicalSchema, functions: FunctionRegistry): ExpressionTypes {
  return new ExpressionTypes(schema.value, functions)
}

/** Types of expressions; NULL has none and is left out. */
export function sqlTypesOf (expressions: readonly Expression[], schema: LogicalSchema, functions: FunctionRegistry): SqlType[] {
  const types = typesOf(schema, functions)
  return expressions.map(e => types.typeOf(e)).filter(type => type !== undefined)
}

/** What a SELECT takes, to ask whether some key is among it. */
export class Projection {
  readonly items: readonly SelectItem[]
  readonly #takesAll: boolean
  readonly #aliases: ReadonlySet<string>
  readonly #singles: ReadonlySet<string>

  constructor (items: readonly SelectItem[]) {
    this.items = items
    this.#takesAll = items.some(item => item.node === 'AllColumns' && item.source === undefined)
    this.#aliases = new Set(items.flatMap(item => item.node === 'AllColumns' && item.source !== undefined ? [item.source] : []))
    this.#singles = new Set(items.flatMap(item => item.node === 'AllColumns' ? [] : [keyOf(item.node === 'StructAll' ? item.baseStruct : item.expression)]))
  }

  contains (expression: Expression): boolean {
    return this.#takesAll || (expression.node === 'QualifiedColumnReference' && this.#aliases.has(expression.qualifier)) || this.#singles.has(keyOf(expression))
  }
}

export function joinWords (words: readonly string[], last: string): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words[words.length - 1] ?? ''}`
}

/** ksqlDB's "Key missing from projection": `requireAll` of the keys, or one of them; `synthetic`: the key that a join made. */
export function keysNotIncluded (sink: string, type: string, keys: readonly Expression[], requireAll = true, synthetic = false): KsqlError {
  const texts = keys.map(printExpressionPlain)
  const plural = requireAll && keys.length > 1 ? 's' : ''
  const types = keys.length === 1 ? type : `${type}s`
  const extra = synthetic
    ? `\n${texts[0] ?? ''} was added as a synthetic key column because the join criteria did not match any source column. ` +
      'This expression must be included in the projection and may be aliased. '
    : ''
  return new KsqlError(`Key${plural} missing from projection (ie, SELECT). ${synthetic ? 'See https://cnfl.io/2LV7ouS.' : ''}\n` +
    `The query used to build \`${sink}\` must include the ${types} ${joinWords(texts, requireAll ? 'and' : 'or')} in its projection ` +
    `(eg, SELECT ${requireAll ? texts.join(', ') : texts[0] ?? ''}...).${extra}`)
}
