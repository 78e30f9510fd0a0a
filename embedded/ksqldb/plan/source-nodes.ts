// Nodes that read and narrow: the source itself, WHERE, PARTITION BY, table functions.
import type { Expression } from '../sql/ast.js'
import { NameGenerator, tableFunctionName } from './column-names.js'
import { KsqlError, statementError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { starColumns, withPseudoAndKey } from './logical-schema.js'
import type { DataSource } from './metastore.js'
import type { Built, PlanContext, PlanNode, Projection, SourceNodeLike } from './plan-node.js'
import { keysNotIncluded, sqlTypesOf, typesOf, valueFormatOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import { parseTimestamp } from './iso-time.js'
import type { Column, LogicalSchema } from './schema.js'
import { keyFormatFor } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import type { ExecutionStep } from './steps.js'
import { columnReference, isColumnReference, rewrite, sameExpression } from './tree.js'
import { printSqlType } from '../sql/sql-type.js'

export class SourceNode implements PlanNode, SourceNodeLike {
  readonly alias: string
  readonly source: DataSource
  readonly schema: LogicalSchema
  readonly #id: string

  constructor (id: string, source: DataSource, alias: string) {
    this.#id = id
    this.source = source
    this.alias = alias
    this.schema = withPseudoAndKey(source.schema, source.window !== undefined)
  }

  get kind (): 'STREAM' | 'TABLE' { return this.source.kind }
  get sources (): readonly SourceNodeLike[] { return [this] }

  resolveSelect (_index: number, expression: Expression): Expression {
    return expression
  }

  starColumns (alias: string | undefined): readonly string[] {
    if (alias !== undefined && alias !== this.alias) throw new KsqlError(`'${alias}' is not a valid stream/table name or alias.`)
    const headers = this.source.schema.value.filter(c => c.headerKey !== undefined).map(c => c.name)
    const names = starColumns(this.schema)
    return headers.length === 0 ? names : [...names.filter(name => !headers.includes(name)), ...headers]
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    const keys = this.schema.key
    const present = (name: string): boolean =>
      projection.contains({ node: 'QualifiedColumnReference', qualifier: this.alias, name }) || projection.contains(columnReference(name))
    if (!keys.every(key => present(key.name))) throw keysNotIncluded(sink, 'key column', keys.map(key => columnReference(key.name)))
  }

  build (): Built {
    const { source } = this
    const keyFormat: KeyFormat = { info: source.formats.key, ...(source.window === undefined ? {} : { window: source.window }) }
    return {
      kind: source.kind,
      keyFormat,
      step: {
        step: source.kind === 'STREAM'
          ? source.window === undefined ? 'StreamSource' : 'WindowedStreamSource'
          : source.window === undefined ? 'TableSource' : 'WindowedTableSource',
        context: `${this.#id}/Source`,
        schema: this.schema,
        sourceName: source.name,
        alias: this.alias,
        topic: source.topic,
        formats: source.formats,
        sourceSchema: source.schema,
        ...(source.window === undefined ? {} : { window: source.window }),
        ...(source.timestampColumn === undefined ? {} : { timestampColumn: source.timestampColumn }),
        materialized: source.kind === 'TABLE'
      }
    }
  }
}

const MAGIC_COLUMNS = new Set(['ROWTIME', 'WINDOWSTART', 'WINDOWEND'])

function isMagic (e: Expression): boolean {
  return isColumnReference(e) && MAGIC_COLUMNS.has(e.name)
}

function asInstant (e: Expression): Expression {
  return e.node === 'StringLiteral' ? { node: 'LongLiteral', value: BigInt(parseTimestamp(e.value)) } : e
}

/** ROWTIME, WINDOWSTART and WINDOWEND may be compared with the text of an instant. Throws KsqlError where the text is none. */
export function rewriteMagicTimestamps (expression: Expression): Expression {
  return rewrite(expression, e => {
    if (e.node === 'Between' && isMagic(e.value)) return { ...e, min: asInstant(e.min), max: asInstant(e.max) }
    if (e.node !== 'Comparison') return undefined
    if (isMagic(e.left)) return { ...e, right: asInstant(e.right) }
    return isMagic(e.right) ? { ...e, left: asInstant(e.left) } : undefined
  })
}

/** Throws KsqlError where a WHERE or HAVING condition is not BOOLEAN. */
export function checkFilter (expression: Expression, schema: LogicalSchema, functions: FunctionRegistry, clause: 'WHERE' | 'HAVING'): void {
  const text = printExpressionPlain(expression)
  let type
  try {
    type = typesOf(schema, functions).typeOf(rewriteMagicTimestamps(expression))
  } catch (error) {
    if (!(error instanceof KsqlError)) throw error
    throw statementError(`Error in ${clause} expression: ${error.message}`, text)
  }
  if (type?.base !== 'BOOLEAN') {
    throw statementError(`Type error in ${clause} expression: Should evaluate to boolean but is ${text} ` +
      `(${type === undefined ? 'null' : printSqlType(type)}) instead.`, text)
  }
}

/** Everything but schema and steps goes through to the node beneath. */
abstract class SingleSourceNode implements PlanNode {
  readonly input: PlanNode
  abstract readonly schema: LogicalSchema

  constructor (input: PlanNode) {
    this.input = input
  }

  get kind (): 'STREAM' | 'TABLE' { return this.input.kind }
  get sources (): readonly SourceNodeLike[] { return this.input.sources }

  resolveSelect (index: number, expression: Expression): Expression {
    return this.input.resolveSelect(index, expression)
  }

  starColumns (alias: string | undefined): readonly string[] {
    return this.input.starColumns(alias)
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    this.input.checkKeyPresent(sink, projection)
  }

  abstract build (context: PlanContext): Built
}

export class FilterNode extends SingleSourceNode {
  readonly #filter: Expression

  constructor (input: PlanNode, filter: Expression) {
    super(input)
    this.#filter = filter
  }

  get schema (): LogicalSchema { return this.input.schema }

  build (context: PlanContext): Built {
    const built = this.input.build(context)
    return { ...built, step: filterStep(built, this.#filter, 'WhereFilter') }
  }
}

export function filterStep (built: Built, filter: Expression, context: string): ExecutionStep {
  return {
    step: built.kind === 'STREAM' ? 'StreamFilter' : 'TableFilter', context, schema: built.step.schema, source: built.step, filter: rewriteMagicTimestamps(filter)
  }
}

export function isPartitionByNull (expressions: readonly Expression[]): boolean {
  if (!expressions.some(e => e.node === 'NullLiteral')) return false
  if (expressions.length > 1) throw new KsqlError('Cannot PARTITION BY multiple columns including NULL')
  return true
}

/** The schema once keyed by the expressions: a key that is no column of the source is repeated at the end of the values. */
export function repartitionedSchema (schema: LogicalSchema, expressions: readonly Expression[], functions: FunctionRegistry): LogicalSchema {
  if (isPartitionByNull(expressions)) return { key: [], value: schema.value }
  const types = typesOf(schema, functions)
  const names = new NameGenerator([...schema.key, ...schema.value])
  const appended: Column[] = []
  const key = expressions.map((e): Column => {
    const type = types.typeOf(e)
    if (type === undefined) throw new KsqlError('Cannot PARTITION BY multiple columns including NULL')
    if (isColumnReference(e)) return { name: e.name, type }
    const column = { name: names.aliasFor(e), type }
    appended.push(column)
    return column
  })
  return { key, value: [...schema.value, ...appended] }
}

/** Whether rows must change their key to be keyed by the expressions (ksqlDB's Repartitioning). */
export function needsRepartition (schema: LogicalSchema, expressions: readonly Expression[]): boolean {
  const [key] = schema.key
  const [expression] = expressions
  return schema.key.length !== 1 || expressions.length !== 1 || expression === undefined || !isColumnReference(expression) || expression.name !== key?.name
}

/** The step that gives rows another key, or the same where none is needed. `forced`: the key format to come to, and whether to go through a topic anyway. */
export function selectKey (
  built: Built, expressions: readonly Expression[], schema: LogicalSchema, context: string, node: PlanNode, plan: PlanContext,
  forced: { readonly keyFormat?: KeyFormat, readonly repartition?: boolean } = {}
): Built {
  const target = forced.keyFormat ?? built.keyFormat
  const changesFormat = JSON.stringify(target) !== JSON.stringify(built.keyFormat)
  const needed = needsRepartition(built.step.schema, expressions)
  if (!changesFormat && forced.repartition !== true && !needed) return built
  if (built.kind === 'TABLE') checkTableRekey(built, expressions, needed, forced.repartition === true)
  if (built.kind === 'STREAM' && (needed || forced.repartition !== true) && built.keyFormat.window !== undefined) {
    throw new KsqlError('Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.')
  }
  const keyFormat = keyFormatFor(target, sqlTypesOf(expressions, built.step.schema, plan.functions), built.kind === 'STREAM')
  return {
    kind: built.kind,
    keyFormat,
    step: {
      step: built.kind === 'STREAM' ? 'StreamSelectKey' : 'TableSelectKey',
      context, schema, source: built.step, keyExpressions: expressions, formats: { key: keyFormat.info, value: valueFormatOf(node) }
    }
  }
}

function checkTableRekey (built: Built, expressions: readonly Expression[], needed: boolean, forced: boolean): void {
  const keys = built.step.schema.key
  if (keys.length > 1) {
    throw new KsqlError('Cannot repartition a TABLE source. If this is a join, joins on tables with multiple columns is not yet supported.')
  }
  if (needed) {
    throw new KsqlError('Cannot repartition a TABLE source. If this is a join, make sure that the criteria uses the TABLE\'s key column ' +
      `${keys[0]?.name ?? ''} instead of [${expressions.map(printExpressionPlain).join(', ')}]`)
  }
  if (built.keyFormat.window !== undefined) {
    const extra = forced
      ? ' As a result, ksqlDB does not support joins on windowed sources with Schema-Registry-enabled key formats (AVRO, JSON_SR, PROTOBUF) at this time. ' +
        'Please repartition your sources to use a different key format before performing the join.'
      : ''
    throw new KsqlError(`Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.${extra}`)
  }
}

/** PARTITION BY. */
export class RepartitionNode extends SingleSourceNode {
  readonly schema: LogicalSchema
  readonly #original: readonly Expression[]
  readonly #expressions: readonly Expression[]

  /** `original` as written, `expressions` with columns as they stand in the input's schema. */
  constructor (input: PlanNode, original: readonly Expression[], expressions: readonly Expression[], functions: FunctionRegistry) {
    super(input)
    this.#original = original
    this.#expressions = expressions
    this.schema = repartitionedSchema(input.schema, expressions, functions)
  }

  override resolveSelect (_index: number, expression: Expression): Expression {
    const i = this.#expressions.findIndex(e => sameExpression(e, expression))
    const key = this.schema.key[i]
    return i < 0 || key === undefined ? expression : columnReference(key.name)
  }

  override starColumns (): readonly string[] {
    return starColumns(this.schema)
  }

  override checkKeyPresent (sink: string, projection: Projection): void {
    if (isPartitionByNull(this.#expressions) || this.#expressions.every(e => projection.contains(e))) return
    throw keysNotIncluded(sink, 'partitioning expression', this.#original)
  }

  build (context: PlanContext): Built {
    return selectKey(this.input.build(context), this.#expressions, this.schema, 'PartitionBy', this, context)
  }
}

/** Table functions in the projection. */
export class FlatMapNode extends SingleSourceNode {
  readonly schema: LogicalSchema
  readonly #calls: ReadonlyArray<Extract<Expression, { node: 'FunctionCall' }>>
  readonly #functions: FunctionRegistry
  /** How many calls stand in the items before each. */
  readonly #firstCall: readonly number[]

  /** `callsOfItem`: for each item of the SELECT its calls of table functions. */
  constructor (input: PlanNode, callsOfItem: ReadonlyArray<ReadonlyArray<Extract<Expression, { node: 'FunctionCall' }>>>, functions: FunctionRegistry) {
    super(input)
    this.#calls = callsOfItem.flat()
    this.#functions = functions
    let count = 0
    this.#firstCall = callsOfItem.map(calls => (count += calls.length) - calls.length)
    const types = typesOf(input.schema, functions)
    this.schema = {
      key: input.schema.key,
      value: [...input.schema.value, ...this.#calls.map((call, i): Column => {
        const type = types.typeOf(call)
        if (type === undefined) throw new KsqlError(`Cannot determine the type of ${call.name}`)
        return { name: tableFunctionName(i), type }
      })]
    }
  }

  override resolveSelect (index: number, expression: Expression): Expression {
    let next = this.#firstCall[index] ?? 0
    return rewrite(expression, e => e.node === 'FunctionCall' && this.#functions.isTableFunction(e.name) ? columnReference(tableFunctionName(next++), e) : undefined)
  }

  build (context: PlanContext): Built {
    const built = this.input.build(context)
    return { ...built, step: { step: 'StreamFlatMap', context: 'FlatMap', schema: this.schema, source: built.step, tableFunctions: this.#calls } }
  }
}
