// The tree of a query's joins, and which columns of its sources equal the key of its result (ksqlDB's JoinTree).
import type { Expression } from '../sql/ast.js'
import type { JoinInfo } from './analysis.js'
import { flipJoin } from './analysis.js'
import { KsqlError } from './error.js'
import { printExpressionPlain } from './print.js'
import type { AliasedSource } from './sanitize.js'
import { keyOf } from './tree.js'

export type Qualified = Extract<Expression, { node: 'QualifiedColumnReference' }>

export type JoinTree =
  | { readonly kind: 'LEAF', readonly source: AliasedSource }
  | { readonly kind: 'JOIN', readonly left: JoinTree, readonly right: JoinTree, readonly info: JoinInfo }
export type Join = Extract<JoinTree, { kind: 'JOIN' }>

function contains (tree: JoinTree, source: AliasedSource): boolean {
  return tree.kind === 'LEAF' ? tree.source.alias === source.alias : contains(tree.left, source) || contains(tree.right, source)
}

/** Joins from the left: each takes one more source. Throws KsqlError where they do not hang together. */
export function joinTree (joins: readonly JoinInfo[]): Join {
  let root: JoinTree | undefined
  for (const join of joins) {
    root ??= { kind: 'LEAF', source: join.left }
    const hasLeft = contains(root, join.left)
    const hasRight = contains(root, join.right)
    if (hasLeft && hasRight) {
      throw new KsqlError(`Cannot perform circular join - both ${join.right.alias} and ${printExpressionPlain(join.leftExpression)} are already included in the current join tree`)
    }
    if (!hasLeft && !hasRight) throw new KsqlError('Cannot build JOIN tree; neither source in the join is the FROM source or included in a previous JOIN')
    const info = hasLeft ? join : flipJoin(join)
    root = { kind: 'JOIN', left: root, right: { kind: 'LEAF', source: info.right }, info }
  }
  return root as Join
}

/** Expressions that equal the key of the join's result. */
export function equivalents (tree: JoinTree): ReadonlySet<string> {
  if (tree.kind === 'LEAF' || tree.info.type === 'OUTER') return new Set()
  const keys = new Set([keyOf(tree.info.leftExpression), keyOf(tree.info.rightExpression)])
  const all = new Set(keys)
  for (const side of [equivalents(tree.left), equivalents(tree.right)]) {
    if ([...side].some(key => keys.has(key))) for (const key of side) all.add(key)
  }
  return all
}

/** Columns that may stand for the key of the result. */
export function viableKeys (tree: JoinTree): Qualified[] {
  if (tree.kind === 'LEAF' || tree.info.type === 'OUTER') return []
  const equal = equivalents(tree)
  const all = [...viableKeys(tree.left), tree.info.leftExpression, ...viableKeys(tree.right), tree.info.rightExpression]
  const seen = new Set<string>()
  return all.filter((e): e is Qualified => {
    const key = keyOf(e)
    if (e.node !== 'QualifiedColumnReference' || seen.has(key) || !equal.has(key)) return false
    seen.add(key)
    return true
  })
}
