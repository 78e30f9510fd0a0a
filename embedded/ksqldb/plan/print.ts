// Expressions as they stand in messages: no name quoted (Expression.toString).
import type { Expression } from '../sql/ast.js'
import { printExpression } from '../sql/printer.js'

const plain = (name: string): string => name

export function printExpressionPlain (expression: Expression): string {
  return printExpression(expression, plain)
}
