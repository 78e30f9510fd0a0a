// Walks over expressions and rebuilds them: what the analyzer and the planner do to trees.
import type { Expression } from '../sql/ast.js'
import { printExpression } from '../sql/printer.js'

type FunctionCall = Extract<Expression, { node: 'FunctionCall' }>
export type ColumnReference = Extract<Expression, { node: 'UnqualifiedColumnReference' | 'QualifiedColumnReference' }>

/** Gives another expression in place of one, or undefined to go on into its parts. */
export type Replace = (expression: Expression) => Expression | undefined

export function childrenOf (e: Expression): readonly Expression[] {
  switch (e.node) {
    case 'LambdaFunctionCall': return [e.body]
    case 'ArithmeticBinary':
    case 'Comparison':
    case 'LogicalBinary': return [e.left, e.right]
    case 'ArithmeticUnary':
    case 'Not':
    case 'IsNull':
    case 'IsNotNull': return [e.value]
    case 'Between': return [e.value, e.min, e.max]
    case 'InPredicate': return [e.value, ...e.values]
    case 'Like': return [e.value, e.pattern]
    case 'FunctionCall': return e.arguments
    case 'Cast': return [e.expression]
    case 'SimpleCase':
    case 'SearchedCase':
      return [...(e.node === 'SimpleCase' ? [e.operand] : []), ...e.whenClauses.flatMap(c => [c.operand, c.result]),
        ...(e.defaultValue === undefined ? [] : [e.defaultValue])]
    case 'Subscript': return [e.base, e.index]
    case 'Dereference': return [e.base]
    case 'CreateArray': return e.values
    case 'CreateMap': return e.entries.flatMap(entry => [entry.key, entry.value])
    case 'CreateStruct': return e.fields.map(f => f.value)
    default: return []
  }
}

/** Calls `visit` for the expression and all in it, from the outside in. */
export function walk (expression: Expression, visit: (expression: Expression) => void): void {
  visit(expression)
  for (const child of childrenOf(expression)) walk(child, visit)
}

function rewriteCase (e: Extract<Expression, { node: 'SimpleCase' | 'SearchedCase' }>, on: (e: Expression) => Expression): Expression {
  const whenClauses = e.whenClauses.map(c => ({ operand: on(c.operand), result: on(c.result) }))
  const defaultValue = e.defaultValue === undefined ? {} : { defaultValue: on(e.defaultValue) }
  return e.node === 'SimpleCase' ? { ...e, operand: on(e.operand), whenClauses, ...defaultValue } : { ...e, whenClauses, ...defaultValue }
}

/** The same tree with what `replace` gives in the places that it chooses, from the outside in. Parts that do not change are shared. */
export function rewrite (e: Expression, replace: Replace): Expression {
  const replaced = replace(e)
  if (replaced !== undefined) return replaced
  const on = (child: Expression): Expression => rewrite(child, replace)
  switch (e.node) {
    case 'LambdaFunctionCall': return { ...e, body: on(e.body) }
    case 'ArithmeticBinary': return { ...e, left: on(e.left), right: on(e.right) }
    case 'Comparison': return { ...e, left: on(e.left), right: on(e.right) }
    case 'LogicalBinary': return { ...e, left: on(e.left), right: on(e.right) }
    case 'ArithmeticUnary': return { ...e, value: on(e.value) }
    case 'Not':
    case 'IsNull':
    case 'IsNotNull': return { ...e, value: on(e.value) }
    case 'Between': return { ...e, value: on(e.value), min: on(e.min), max: on(e.max) }
    case 'InPredicate': return { ...e, value: on(e.value), values: e.values.map(on) }
    case 'Like': return { ...e, value: on(e.value), pattern: on(e.pattern) }
    case 'FunctionCall': return { ...e, arguments: e.arguments.map(on) }
    case 'Cast': return { ...e, expression: on(e.expression) }
    case 'SimpleCase':
    case 'SearchedCase': return rewriteCase(e, on)
    case 'Subscript': return { ...e, base: on(e.base), index: on(e.index) }
    case 'Dereference': return { ...e, base: on(e.base) }
    case 'CreateArray': return { ...e, values: e.values.map(on) }
    case 'CreateMap': return { ...e, entries: e.entries.map(entry => ({ key: on(entry.key), value: on(entry.value) })) }
    case 'CreateStruct': return { ...e, fields: e.fields.map(f => ({ name: f.name, value: on(f.value) })) }
    default: return e
  }
}

/** A text that two expressions share exactly where they are equal but for their places in the statement. */
export function keyOf (expression: Expression): string {
  return printExpression(expression)
}

export function sameExpression (a: Expression, b: Expression): boolean {
  return a === b || (a.node === b.node && keyOf(a) === keyOf(b))
}

export function isColumnReference (e: Expression): e is ColumnReference {
  return e.node === 'UnqualifiedColumnReference' || e.node === 'QualifiedColumnReference'
}

/** The columns that an expression reads. */
export function columnsIn (expression: Expression): ColumnReference[] {
  const found: ColumnReference[] = []
  walk(expression, e => {
    if (isColumnReference(e)) found.push(e)
  })
  return found
}

export function callsIn (expression: Expression): FunctionCall[] {
  const found: FunctionCall[] = []
  walk(expression, e => {
    if (e.node === 'FunctionCall') found.push(e)
  })
  return found
}

export function columnReference (name: string, like?: Expression): Extract<Expression, { node: 'UnqualifiedColumnReference' }> {
  return { node: 'UnqualifiedColumnReference', name, ...(like?.location === undefined ? {} : { location: like.location }) }
}

/** "Line: 1, Col: 8: ", or nothing where the place is unknown. */
export function locationPrefix (e: { readonly location?: { readonly line: number, readonly column: number } }): string {
  return e.location === undefined ? '' : `Line: ${e.location.line}, Col: ${e.location.column}: `
}
