// Processors without state: filter, projection, PARTITION BY, GROUP BY, table functions.
import type { Expression } from '../../sql/ast.js'
import { compileExpression, compilePredicate, compileTableFunction, toldAs } from '../../plan/compile.js'
import type { CompileContext } from '../../plan/compile.js'
import { printExpressionPlain } from '../../plan/print.js'
import type { Column, LogicalSchema } from '../../plan/schema.js'
import type { SelectExpression } from '../../plan/steps.js'
import type { Row, Value } from '../../plan/value.js'
import { forwardTo, StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'

/** The evaluator of a projection's column at place `i`. */
export function compileSelect ({ expression, alias }: SelectExpression, i: number, columns: readonly Column[], context: CompileContext): (row: Row) => Value {
  const message = (): string => `Error computing expression ${printExpressionPlain(expression)} for column ${alias} with index ${i}`
  return compileExpression(expression, columns, toldAs(message, context)).evaluate
}

/** ROWTIME and the window bounds stand in the value of some steps: what the projection's expressions read. */
export function compileSelects (selects: readonly SelectExpression[], columns: readonly Column[], context: CompileContext): (row: Row) => Row {
  const evaluators = selects.map((select, i) => compileSelect(select, i, columns, context))
  // Most expressions are columns: they are copied without a call.
  const places = selects.map(({ expression }) => {
    return expression.node === 'UnqualifiedColumnReference' ? columns.findIndex(column => column.name === expression.name) : -1
  })
  return row => {
    const result = new Array<Value>(evaluators.length)
    for (let i = 0; i < evaluators.length; i++) {
      const place = places[i]!
      result[i] = place >= 0 ? row[place]! : evaluators[i]!(row)
    }
    return result
  }
}

const NULL: Expression = { node: 'NullLiteral' }

function isNeeded ({ alias, expression }: SelectExpression, needed: ReadonlySet<string>): boolean {
  return expression.node !== 'UnqualifiedColumnReference' || needed.has(alias)
}

export function streamFilter (step: StepOf<'StreamFilter' | 'TableFilter'>, context: ProcessorContext, forward: Forward): Forward {
  const passes = compilePredicate(step.filter, step.source.schema.value, context.compileContext(step.context))
  return record => { if (record.value !== null && passes(record.value)) forward(record) }
}

/** `needed`: the columns that the steps above read; others that would only be copied stay null. undefined: all. */
export function streamSelect (
  step: StepOf<'StreamSelect' | 'TableSelect'>, context: ProcessorContext, forward: Forward, needed?: ReadonlySet<string>
): Forward {
  const selects = needed === undefined ? step.selects : step.selects.map(select => isNeeded(select, needed) ? select : { ...select, expression: NULL })
  const select = compileSelects(selects, step.source.schema.value, context.compileContext(step.context))
  return record => {
    forward(record.value === null ? record : new StreamRecord(record.key, record.window, select(record.value), null, record.timestamp))
  }
}

export function streamFlatMap (step: StepOf<'StreamFlatMap'>, context: ProcessorContext, forward: Forward): Forward {
  const functions = step.tableFunctions.map(call => compileTableFunction(call, step.source.schema.value, context.compileContext(step.context)))
  return record => {
    const { value } = record
    if (value === null) return
    const iterators = functions.map(one => one.evaluate(value)[Symbol.iterator]())
    for (;;) {
      let left = false
      const row = [...value]
      for (const iterator of iterators) {
        const next = iterator.next()
        if (next.done !== true) left = true
        row.push(next.done === true ? null : next.value)
      }
      if (!left) return
      forward(new StreamRecord(record.key, record.window, row, null, record.timestamp))
    }
  }
}

/** A row that holds only the key, at the places where a source repeats it. */
function keyOnlyRow (schema: LogicalSchema): (key: Row | null) => Row {
  const places = schema.key.map(column => schema.value.findIndex(one => one.name === column.name))
  return key => {
    const row: Row = new Array<Value>(schema.value.length).fill(null)
    places.forEach((place, i) => { if (place >= 0 && key !== null) row[place] = key[i] ?? null })
    return row
  }
}

function onlyReads (expression: Expression, names: ReadonlySet<string>): boolean {
  if (expression.node === 'UnqualifiedColumnReference' || expression.node === 'QualifiedColumnReference') return names.has(expression.name)
  return Object.values(expression).every(part => {
    if (Array.isArray(part)) return part.every(one => typeof one !== 'object' || one === null || !('node' in one) || onlyReads(one as Expression, names))
    return typeof part !== 'object' || part === null || !('node' in part) || onlyReads(part as Expression, names)
  })
}

/**
 * PARTITION BY. Keys made by an expression, not by a column, stand behind the value columns too. A record without value has only what can be had
 * from its key (PartitionByParamsFactory).
 */
export function selectKey (step: StepOf<'StreamSelectKey' | 'TableSelectKey'>, context: ProcessorContext, forward: Forward): Forward {
  const { schema: source } = step.source
  const toNull = step.keyExpressions.length === 1 && step.keyExpressions[0]!.node === 'NullLiteral'
  const keyNames = new Set(source.key.map(column => column.name))
  const fromKey = keyOnlyRow(source)
  const evaluators = toNull
    ? []
    : step.keyExpressions.map(expression => ({
      evaluate: compileExpression(expression, source.value, toldAs(
        () => `Error computing new key from expression ${printExpressionPlain(expression)}`, context.compileContext(step.context))).evaluate,
      keyOnly: onlyReads(expression, keyNames),
      append: expression.node !== 'UnqualifiedColumnReference' && expression.node !== 'QualifiedColumnReference'
    }))
  const appended = step.schema.value.length > source.value.length
  return record => {
    const { value } = record
    if (toNull) {
      forward(new StreamRecord(null, undefined, value, null, record.timestamp))
      return
    }
    const keyRow = value ?? fromKey(record.key)
    const key = evaluators.map(({ evaluate, keyOnly }) => value === null && !keyOnly ? null : evaluate(keyRow))
    const row = value === null || !appended ? value : [...value, ...key.filter((_, i) => evaluators[i]!.append)]
    forwardTo(context, context.partitionOf(key, step.schema.key), forward, new StreamRecord(key, record.window, row, null, record.timestamp))
  }
}

/** One part of a group's key; null, which drops the row, is told as ksqlDB's GroupByParamsFactory does. */
export function groupByEvaluator (
  expression: Expression, index: number, columns: readonly Column[], step: string, context: ProcessorContext
): (row: Row) => Value {
  const excluded = 'The source row will be excluded from the table.'
  let failed = false
  const message = (): string => {
    failed = true
    return `Error calculating group-by column with index ${index}. ${excluded}`
  }
  const { evaluate } = compileExpression(expression, columns, toldAs(message, context.compileContext(step)))
  const isNull = `Group-by column with index ${index} resolved to null. ${excluded}`
  return row => {
    failed = false
    const value = evaluate(row)
    if (value === null && !failed) context.error(step, isNull, row)
    return value
  }
}

/** GROUP BY over a stream. A null in the key drops the row. */
export function streamGroupBy (step: StepOf<'StreamGroupBy'>, context: ProcessorContext, forward: Forward): Forward {
  const { schema: source } = step.source
  const evaluators = step.groupByExpressions.map((one, i) => groupByEvaluator(one, i, source.value, step.context, context))
  return record => {
    const { value } = record
    if (value === null) return
    if (!step.repartition && evaluators.length === 0) {
      if (record.key !== null) forward(record)
      return
    }
    const key: Row = new Array<Value>(evaluators.length)
    for (let i = 0; i < evaluators.length; i++) {
      const part = evaluators[i]!(value)
      if (part === null) return
      key[i] = part
    }
    const grouped = new StreamRecord(key, undefined, value, null, record.timestamp)
    if (step.repartition) forwardTo(context, context.partitionOf(key, step.schema.key), forward, grouped)
    else forward(grouped)
  }
}
