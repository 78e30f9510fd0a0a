// Compiles every expression of a plan once before anything runs, so that what cannot be compiled is refused with the statement (CodeGenRunner).
import type { Expression } from '../sql/ast.js'
import { compileAggregate, compileExpression, compileTableFunction } from './compile.js'
import { KsqlError, statementError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { printExpressionPlain } from './print.js'
import type { LogicalSchema } from './schema.js'
import { printSchema } from './schema.js'
import { canKeepState } from './serde-formats.js'
import type { ExecutionStep } from './steps.js'

function check (what: string, expression: Expression, schema: LogicalSchema, compile: () => { readonly type: unknown }): void {
  const text = printExpressionPlain(expression)
  try {
    if (compile().type === undefined) throw new KsqlError('NULL expression not supported')
  } catch (error) {
    if (!(error instanceof KsqlError)) throw error
    throw statementError(`Invalid ${what}: ${error.message}. expression: ${text}, schema:${printSchema(schema)}`, text)
  }
}

/** Throws KsqlError. */
export function checkPlan (step: ExecutionStep, functions: FunctionRegistry): void {
  const context = { functions }
  const all = (what: string, expressions: readonly Expression[], schema: LogicalSchema): void => {
    for (const e of expressions) check(what, e, schema, () => compileExpression(e, schema.value, context))
  }
  if ('left' in step) {
    checkPlan(step.left, functions)
    checkPlan(step.right, functions)
    if (step.step === 'ForeignKeyTableTableJoin') all('Left Join Expression', [step.leftJoinExpression], step.left.schema)
    return
  }
  if (!('source' in step)) return
  checkPlan(step.source, functions)
  const { schema } = step.source
  switch (step.step) {
    case 'StreamFilter':
    case 'TableFilter': return all('Predicate', [step.filter], schema)
    case 'StreamSelect':
    case 'TableSelect': return all('Select', step.selects.map(s => s.expression), schema)
    case 'StreamSelectKey':
    case 'TableSelectKey': return all('SelectKey', step.keyExpressions.filter(e => e.node !== 'NullLiteral'), schema)
    case 'StreamGroupBy':
    case 'TableGroupBy': return all('Group By', step.groupByExpressions, schema)
    case 'StreamFlatMap':
      for (const call of step.tableFunctions) check('Table function', call, schema, () => compileTableFunction(call, schema.value, context))
      return
    case 'StreamAggregate':
    case 'StreamWindowedAggregate':
    case 'TableAggregate': {
      const notUndone: string[] = []
      for (const call of step.aggregates) {
        const { type, implementation } = compileAggregate(call, schema.value, context)
        if (type === undefined) throw new KsqlError(`Failed to create aggregate function: ${printExpressionPlain(call)}`)
        if (!canKeepState(step.formats.value.format, implementation.stateType)) {
          throw new KsqlError('One of the functions used in the statement has an intermediate type that the value format can not handle. ' +
            'Please remove the function or change the format.')
        }
        if (implementation.undo === undefined && !notUndone.includes(call.name)) notUndone.push(call.name)
      }
      if (step.step === 'TableAggregate' && notUndone.length > 0) {
        const names = notUndone.length === 1 ? ` ${notUndone[0] ?? ''}` : `s ${notUndone.slice(0, -1).join(', ')} and ${notUndone.at(-1) ?? ''}`
        throw new KsqlError(`The aggregation function${names} cannot be applied to a table source, only to a stream source.`)
      }
    }
  }
}
