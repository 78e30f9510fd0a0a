// GROUP BY, aggregates and HAVING (AggregateAnalyzer, AggregateNode): Prepare → GroupBy → Aggregate → HavingFilter → Project.
import type { Expression, SelectItem, WindowExpression } from '../sql/ast.js'
import { NameGenerator, aggregateName } from './column-names.js'
import { KsqlError } from './error.js'
import { checkFilter, filterStep } from './filter.js'
import type { FunctionRegistry } from './function-registry.js'
import type { AggregateFunction, AggregateSignature } from './function.js'
import { WINDOW_BOUND_COLUMNS, checkDuplicates, hasColumn, isWindowBound } from './logical-schema.js'
import type { Built, PlanContext, PlanNode } from './plan-node.js'
import { joinWords, keysNotIncluded, sqlTypesOf, typesOf, valueFormatOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import { projectionSchema, selectExpressions } from './project-node.js'
import type { TargetSchema } from './project-node.js'
import type { Column, LogicalSchema } from './schema.js'
import { keyFeatures, keyFormatFor } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import { needsRepartition } from './rekey.js'
import type { ExecutionStep, FormatName, SelectExpression, WindowInfo } from './steps.js'
import { childrenOf, columnReference, columnsIn, isColumnReference, keyOf, rewrite, sameExpression } from './tree.js'
import { windowMs } from './window.js'

type FunctionCall = Extract<Expression, { node: 'FunctionCall' }>
type Reference = Extract<Expression, { node: 'UnqualifiedColumnReference' }>

interface Found {
  /** The calls in order of appearance, each with at least one argument. */
  readonly calls: FunctionCall[]
  readonly arguments: Expression[]
  readonly columns: Reference[]
}

interface Visit {
  readonly groupBy: ReadonlySet<string>
  /** Told of each column outside of grouping expressions, with the aggregate around it. */
  readonly onColumn: (column: Reference, aggregate: string | undefined) => void
}

/** Walks one expression as ksqlDB's AggregateVisitor. */
class AggregateCollector {
  readonly found: Found = { calls: [], arguments: [], columns: [] }
  readonly #functions: FunctionRegistry
  readonly #rowtime: Expression

  constructor (functions: FunctionRegistry, rowtime: Expression) {
    this.#functions = functions
    this.#rowtime = rowtime
  }

  visit (e: Expression, visit: Visit): void {
    this.#step(e, visit, undefined, false, { insideAggregate: false })
  }

  #step (e: Expression, visit: Visit, aggregate: string | undefined, grouped: boolean, state: { insideAggregate: boolean }): void {
    const isGrouped = grouped || visit.groupBy.has(keyOf(e))
    if (e.node === 'UnqualifiedColumnReference') {
      if (!isGrouped || state.insideAggregate || isWindowBound(e.name)) visit.onColumn(e, aggregate)
      if (!isWindowBound(e.name)) this.found.columns.push(e)
      return
    }
    if (e.node !== 'FunctionCall') {
      for (const child of childrenOf(e)) this.#step(child, visit, aggregate, isGrouped, state)
      return
    }
    this.#functions.require(e.name)
    if (!this.#functions.isAggregate(e.name)) {
      for (const child of e.arguments) this.#step(child, visit, aggregate, isGrouped, state)
      return
    }
    if (aggregate !== undefined) throw new KsqlError(`Aggregate functions can not be nested: ${aggregate}(${e.name}())`)
    const call: FunctionCall = e.arguments.length === 0 ? { ...e, arguments: [this.#rowtime] } : e
    state.insideAggregate = true
    this.found.arguments.push(...call.arguments)
    this.found.calls.push(call)
    for (const child of call.arguments) this.#step(child, visit, e.name, isGrouped, state)
  }
}

export interface AggregateParts {
  /** With columns as they stand in the input's schema. */
  readonly groupBy: readonly Expression[]
  readonly isWholeGroup: boolean
  readonly items: readonly SelectItem[]
  readonly where?: Expression | undefined
  readonly having?: Expression | undefined
  readonly window?: WindowExpression | undefined
  readonly isPersistent: boolean
  readonly isFinal: boolean
  readonly rowtime: Expression
  readonly target: TargetSchema
}

export class AggregateNode {
  readonly kind = 'TABLE'
  readonly input: PlanNode
  readonly schema: LogicalSchema
  readonly #parts: AggregateParts
  readonly #selects: readonly SelectExpression[]
  readonly #found: Found
  readonly #functions: FunctionRegistry

  constructor (input: PlanNode, parts: AggregateParts, functions: FunctionRegistry) {
    this.input = input
    this.#parts = parts
    this.#functions = functions
    this.#selects = selectExpressions(input, parts.items, parts.target, functions)
    this.#found = this.#analyze()
    this.schema = this.#buildSchema()
    if (parts.having !== undefined) checkFilter(parts.having, input.schema, functions, 'HAVING')
  }

  checkKeyPresent (sink: string): void {
    const missing = this.#parts.groupBy.filter(e => !this.#selects.some(s => sameExpression(s.expression, e)))
    if (missing.length === 0) {
      const clash = this.schema.value.find(c => hasColumn(this.schema.key, c.name))
      if (clash !== undefined) throw new KsqlError(`Value columns clash with key columns: \`${clash.name}\``)
      return
    }
    if (this.#parts.isWholeGroup) {
      throw new KsqlError('CREATE TABLE AS SELECT statement does not support aggregate function ' +
        `[${this.#found.calls.map(printExpressionPlain).join(', ')}] without a GROUP BY clause.`)
    }
    throw keysNotIncluded(sink, 'grouping expression', missing)
  }

  #analyze (): Found {
    const { groupBy, window, where, having } = this.#parts
    const collector = new AggregateCollector(this.#functions, this.#parts.rowtime)
    const grouping = new Set([...groupBy.map(keyOf), ...(window === undefined ? [] : WINDOW_BOUND_COLUMNS.map(c => keyOf(columnReference(c.name))))])
    const refuseBounds = (column: Reference): void => {
      if (window === undefined || !isWindowBound(column.name)) return
      throw new KsqlError(`Window bounds column ${column.name} can only be used in the SELECT clause of windowed aggregations and can not be passed to ` +
        'aggregate functions.\nSee https://github.com/confluentinc/ksql/issues/4397')
    }
    const badSelects: Expression[] = []
    for (const { expression } of this.#selects) {
      let ungrouped = false
      collector.visit(expression, {
        groupBy: grouping,
        onColumn: (column, aggregate) => {
          if (aggregate !== undefined) refuseBounds(column)
          else if (!grouping.has(keyOf(column))) ungrouped = true
        }
      })
      if (ungrouped && !grouping.has(keyOf(expression))) badSelects.push(expression)
    }
    if (where !== undefined) collector.visit(where, { groupBy: grouping, onColumn: refuseBounds })
    for (const e of groupBy) this.#visitGroupBy(e, grouping, collector, refuseBounds)
    const badHaving: Expression[] = []
    if (having !== undefined) {
      collector.visit(having, {
        groupBy: grouping,
        onColumn: (column, aggregate) => {
          refuseBounds(column)
          if (aggregate === undefined && !grouping.has(keyOf(column))) badHaving.push(column)
        }
      })
    }
    this.#enforce(collector.found, badSelects, badHaving)
    return collector.found
  }

  #visitGroupBy (e: Expression, groupBy: ReadonlySet<string>, collector: AggregateCollector, refuseBounds: (column: Reference) => void): void {
    collector.visit(e, {
      groupBy,
      onColumn: (column, aggregate) => {
        if (aggregate !== undefined) throw new KsqlError(`GROUP BY does not support aggregate functions: ${aggregate} is an aggregate function.`)
        refuseBounds(column)
      }
    })
  }

  #enforce (found: Found, badSelects: readonly Expression[], badHaving: readonly Expression[]): void {
    if (found.calls.length === 0) throw new KsqlError('GROUP BY requires aggregate functions in either the SELECT or HAVING clause.')
    if (badSelects.length > 0) {
      throw new KsqlError(`Non-aggregate SELECT expression(s) not part of GROUP BY: ${badSelects.map(printExpressionPlain).join(', ')}\n` +
        'Either add the column(s) to the GROUP BY or remove them from the SELECT.')
    }
    if (badHaving.length > 0) {
      throw new KsqlError(`Non-aggregate HAVING expression not part of GROUP BY: ${badHaving.map(printExpressionPlain).join(', ')}\n` +
        'Consider switching the HAVING clause to a WHERE clause before the GROUP BY.')
    }
  }

  /** The alias under which the projection has a grouping expression. */
  #projectedName (expression: Expression): string | undefined {
    const names = this.#selects.filter(s => sameExpression(s.expression, expression)).map(s => s.alias)
    if (names.length > 1) {
      throw new KsqlError(`The projection contains a key column more than once: ${joinWords(names.map(n => `\`${n}\``), 'and')}.\n` +
        'Each key column must only be in the projection once. If you intended to copy the key into the value, then consider using the AS_VALUE function ' +
        'to indicate which key reference should be copied.')
    }
    return names[0]
  }

  #buildSchema (): LogicalSchema {
    const { groupBy, window, isPersistent } = this.#parts
    const source = this.input.schema
    const value = [...source.value, ...(window === undefined ? [] : WINDOW_BOUND_COLUMNS.filter(c => !hasColumn(source.value, c.name)))]
    const projection = projectionSchema({ key: source.key, value }, this.#selects, this.#functions)
    const types = typesOf(source, this.#functions)
    const names = new NameGenerator([...source.key, ...source.value])
    const keyNames = new Set(groupBy.map(e => this.#projectedName(e)))
    const values = isPersistent ? projection.columns.filter(c => !keyNames.has(c.name)) : projection.columns
    if (isPersistent && projection.value.concat(projection.key).filter(c => !keyNames.has(c.name)).length === 0) {
      throw new KsqlError('The projection contains no value columns.')
    }
    const key = groupBy.map((e): Column => {
      const type = types.typeOf(e)
      if (type === undefined) throw new KsqlError('GROUP BY NULL is not supported.')
      return { name: this.#projectedName(e) ?? (isColumnReference(e) ? e.name : names.aliasFor(e)), type }
    })
    const schema = { key, value: values }
    checkDuplicates(schema)
    return schema
  }

  /** Columns and arguments of aggregates that the rows must carry, each once, under internal names. */
  #prepared (): { selects: SelectExpression[], nameOf: Map<string, string> } {
    const selects: SelectExpression[] = []
    const nameOf = new Map<string, string>()
    for (const expression of [...this.#found.columns, ...this.#found.arguments]) {
      const key = keyOf(expression)
      if (nameOf.has(key)) continue
      const alias = isColumnReference(expression) ? expression.name : `KSQL_INTERNAL_COL_${selects.length}`
      selects.push({ alias, expression })
      nameOf.set(key, alias)
    }
    return { selects, nameOf }
  }

  #internalCall (call: FunctionCall, nameOf: ReadonlyMap<string, string>): FunctionCall {
    const types = typesOf(this.input.schema, this.#functions)
    const f = this.#functions.require(call.name) as AggregateFunction
    const { signature } = this.#functions.resolve(f, call.arguments.map(a => types.typeOf(a)))
    const constants = (signature as AggregateSignature).initialArguments
    const columns = call.arguments.length - constants
    return { ...call, arguments: call.arguments.map((a, i) => i < columns ? columnReference(nameOf.get(keyOf(a)) ?? '') : a) }
  }

  build (context: PlanContext): Built {
    const built = this.input.build(context)
    const { selects, nameOf } = this.#prepared()
    const prepared = this.#prepareStep(built, selects)
    const grouped = this.#groupStep({ ...built, step: prepared }, context)
    const calls = this.#distinctCalls()
    const variables = new Map(calls.map((call, i) => [keyOf(call), aggregateName(i)]))
    const toVariables = (e: Expression): Expression => rewrite(e, part =>
      part.node === 'FunctionCall' && this.#functions.isAggregate(part.name) ? columnReference(variables.get(keyOf(this.#withArgument(part))) ?? '', part) : undefined)
    const finals = this.#selects.map(s => ({ alias: s.alias, expression: toVariables(s.expression) }))
    const { groupBy, isPersistent } = this.#parts
    const having = this.#parts.having === undefined ? undefined : toVariables(this.#parts.having)
    const kept = isPersistent ? finals.filter(s => !groupBy.some(e => sameExpression(e, s.expression))) : finals
    const read = new Set([...kept.map(s => s.expression), ...(having === undefined ? [] : [having])].flatMap(columnsIn).map(c => c.name))
    const aggregated = this.#aggregateStep(grouped, calls, nameOf, read)
    const filtered = having === undefined ? aggregated.step : filterStep(aggregated, having, 'Aggregate/HavingFilter')
    const step: ExecutionStep = {
      step: 'TableSelect', context: 'Aggregate/Project', schema: this.schema, source: filtered, keyColumnNames: this.schema.key.map(c => c.name), selects: kept
    }
    return { kind: 'TABLE', keyFormat: aggregated.keyFormat, step }
  }

  /** COUNT(*) as over ROWTIME, which is never null. */
  #withArgument (call: FunctionCall): FunctionCall {
    return call.arguments.length === 0 ? { ...call, arguments: [this.#parts.rowtime] } : call
  }

  /** An aggregate that stands in several places is kept once. */
  #distinctCalls (): readonly FunctionCall[] {
    return [...new Map(this.#found.calls.map(call => [keyOf(call), call])).values()]
  }

  #prepareStep (built: Built, selects: readonly SelectExpression[]): ExecutionStep {
    const { schema } = built.step
    const types = typesOf(schema, this.#functions)
    const value = selects.map((s): Column => {
      const type = types.typeOf(s.expression)
      if (type === undefined) throw new KsqlError("Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR).")
      return { name: s.alias, type }
    })
    return {
      step: built.kind === 'STREAM' ? 'StreamSelect' : 'TableSelect', context: 'Aggregate/Prepare', schema: { key: schema.key, value }, source: built.step,
      keyColumnNames: schema.key.map(c => c.name), selects
    }
  }

  #groupStep (built: Built, context: PlanContext): Built {
    const { groupBy } = this.#parts
    const { schema } = built.step
    const repartition = built.kind === 'TABLE' || built.keyFormat.window !== undefined || needsRepartition(schema, groupBy)
    const value = valueFormatOf(this.input)
    const types = sqlTypesOf(groupBy, schema, this.#functions)
    const keyFormat = repartition ? this.#groupKeyFormat(built.keyFormat, types, context) : built.keyFormat
    const names = new NameGenerator([...schema.key, ...schema.value])
    const key = repartition
      ? groupBy.map((e, i): Column => ({ name: isColumnReference(e) ? e.name : names.aliasFor(e), type: types[i] as Column['type'] }))
      : schema.key
    return {
      kind: built.kind,
      keyFormat,
      step: {
        step: built.kind === 'STREAM' ? 'StreamGroupBy' : 'TableGroupBy', context: 'Aggregate/GroupBy', schema: { key, value: schema.value }, source: built.step,
        groupByExpressions: groupBy, repartition, formats: { key: keyFormat.info, value }
      }
    }
  }

  #groupKeyFormat (current: KeyFormat, types: ReadonlyArray<Column['type']>, context: PlanContext): KeyFormat {
    const byDefault = (context.properties['ksql.persistence.default.format.key'] ?? 'KAFKA') as FormatName
    const info = current.info.format === 'NONE' ? { format: byDefault, properties: {}, features: keyFeatures(byDefault, types.length) } : current.info
    return keyFormatFor({ info }, types, true)
  }

  /** `read`: the columns that what follows reads; others are not kept in the state. */
  #aggregateStep (grouped: Built, calls: readonly FunctionCall[], nameOf: ReadonlyMap<string, string>, read: ReadonlySet<string>): Built {
    const { window, isFinal } = this.#parts
    const { schema } = grouped.step
    const types = typesOf(this.input.schema, this.#functions)
    const aggregates = calls.map(call => this.#internalCall(call, nameOf))
    const nonAggregateColumns = [...new Set(this.#found.columns.map(c => c.name))].filter(name => read.has(name))
    const carried = nonAggregateColumns.map(name => schema.value.find(c => c.name === name) as Column)
    const results = calls.map((call, i): Column => ({ name: aggregateName(i), type: types.typeOf(call) as Column['type'] }))
    const info = window === undefined ? undefined : windowInfo(window)
    const keyFormat = keyFormatFor({ info: grouped.keyFormat.info, ...(info === undefined ? {} : { window: info }) }, schema.key.map(c => c.type), false)
    return {
      kind: 'TABLE',
      keyFormat,
      step: {
        step: grouped.kind === 'TABLE' ? 'TableAggregate' : window === undefined ? 'StreamAggregate' : 'StreamWindowedAggregate',
        context: 'Aggregate/Aggregate',
        schema: { key: schema.key, value: [...carried, ...results, ...(window === undefined ? [] : WINDOW_BOUND_COLUMNS)] },
        source: grouped.step, nonAggregateColumns, aggregates, ...(window === undefined ? {} : { window }), emitFinal: isFinal,
        formats: { key: keyFormat.info, value: valueFormatOf(this.input) }
      }
    }
  }
}

/** Throws KsqlError where the window is none that Kafka Streams would make (TimeWindows, SessionWindows). */
export function windowInfo (window: WindowExpression): WindowInfo {
  const sizeMs = windowMs(window.size)
  if (sizeMs <= 0) throw new KsqlError(window.windowType === 'SESSION' ? 'Gap time cannot be zero or negative.' : 'Window size (sizeMs) must be larger than zero.')
  const advanceMs = window.advanceBy === undefined ? sizeMs : windowMs(window.advanceBy)
  if (advanceMs <= 0 || advanceMs > sizeMs) {
    throw new KsqlError(`Window advancement interval should be more than zero and less than window duration which is ${sizeMs} ms, ` +
      `but given advancement interval is: ${advanceMs} ms`)
  }
  return window.windowType === 'SESSION' ? { type: 'SESSION' } : { type: window.windowType, sizeMs }
}
