// Conditions of WHERE and HAVING: their check, and the step that they become (ksqlDB's FilterTypeValidator, StatementRewriteForMagicPseudoTimestamp).
import type { Expression } from '../sql/ast.js'
import { printSqlType } from '../sql/sql-type.js'
import { KsqlError, statementError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { parseTimestamp } from './iso-time.js'
import type { Built } from './plan-node.js'
import { typesOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import type { LogicalSchema } from './schema.js'
import type { ExecutionStep } from './steps.js'
import { isColumnReference, rewrite } from './tree.js'

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

export function filterStep (built: Built, filter: Expression, context: string): ExecutionStep {
  return {
    step: built.kind === 'STREAM' ? 'StreamFilter' : 'TableFilter', context, schema: built.step.schema, source: built.step, filter: rewriteMagicTimestamps(filter)
  }
}
