// Nodes that read and narrow: the source itself, WHERE, PARTITION BY, table functions.
import type { Expression } from '../sql/ast.js'
import { tableFunctionName } from './column-names.js'
import { KsqlError } from './error.js'
import { filterStep } from './filter.js'
import type { FunctionRegistry } from './function-registry.js'
import { starColumns, withPseudoAndKey } from './logical-schema.js'
import type { DataSource } from './metastore.js'
import type { Built, PlanContext, PlanNode, Projection, SourceNodeLike } from './plan-node.js'
import { keysNotIncluded, typesOf } from './plan-node.js'
import { isPartitionByNull, repartitionedSchema, selectKey } from './rekey.js'
import type { Column, LogicalSchema } from './schema.js'
import type { KeyFormat } from './serde-formats.js'
import { columnReference, rewrite, sameExpression } from './tree.js'

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
