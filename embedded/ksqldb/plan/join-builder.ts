// From a query's analysis to the nodes of its joins: what can be joined how, and what each side needs before (ksqlDB's LogicalPlanner).
import type { Expression } from '../sql/ast.js'
import { printSqlType, sqlTypeEquals } from '../sql/sql-type.js'
import type { Analysis, JoinInfo } from './analysis.js'
import { joinedName } from './column-names.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { JoinNode } from './join-node.js'
import type { JoinKey } from './join-node.js'
import { PreJoinProject, PreJoinRepartition } from './join-side.js'
import type { JoiningNode } from './join-side.js'
import { equivalents, joinTree, viableKeys } from './join-tree.js'
import type { Join, JoinTree } from './join-tree.js'
import type { PlanNode } from './plan-node.js'
import { Projection, typesOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import { unqualify } from './project-node.js'
import type { AliasedSource } from './sanitize.js'
import type { Column } from './schema.js'
import { supportsInference } from './serde-formats.js'
import { SourceNode } from './source-nodes.js'
import type { FormatName } from './steps.js'
import { isColumnReference, keyOf } from './tree.js'

/** Builds the nodes of a query's joins. */
export class JoinBuilder {
  readonly #analysis: Analysis
  readonly #functions: FunctionRegistry
  readonly #defaultKeyFormat: FormatName

  constructor (analysis: Analysis, functions: FunctionRegistry, defaultKeyFormat: FormatName) {
    this.#analysis = analysis
    this.#functions = functions
    this.#defaultKeyFormat = defaultKeyFormat
  }

  /** Throws KsqlError where the sources cannot be joined so. */
  build (): JoinNode {
    const node = this.#join(joinTree(this.#analysis.joins), '')
    node.resolveKeyFormats()
    return node
  }

  #side (tree: JoinTree, prefix: string, side: 'Left' | 'Right'): PlanNode {
    if (tree.kind === 'JOIN') return this.#join(tree, `${prefix}${side === 'Left' ? 'L_' : 'R_'}`)
    return new SourceNode(`KafkaTopic_${prefix}${side}`, tree.source.source, tree.source.alias)
  }

  #join (tree: Join, prefix: string): JoinNode {
    const left = this.#side(tree.left, prefix, 'Left')
    const right = this.#side(tree.right, prefix, 'Right')
    const isForeign = this.#checkJoin(tree.info, left, right)
    const key: JoinKey = isForeign ? { kind: 'FOREIGN', expression: unqualify(tree.info.leftExpression, joinedName) } : this.#joinKey(tree)
    return new JoinNode({
      id: `${prefix}Join`, type: tree.info.type, key, isOutermost: prefix === '', info: tree.info, defaultKeyFormat: this.#defaultKeyFormat,
      left: this.#prepare(tree.left, left, `${prefix}Left`, tree.info.leftExpression, isForeign),
      right: this.#prepare(tree.right, right, `${prefix}Right`, tree.info.rightExpression, isForeign, true)
    })
  }

  #joinKey (tree: Join): JoinKey {
    const viable = viableKeys(tree)
    const projection = new Projection(this.#analysis.select)
    const chosen = viable.find(e => projection.contains(e)) ?? viable[0]
    return chosen === undefined ? { kind: 'SYNTHETIC' } : { kind: 'COLUMN', name: joinedName(chosen.qualifier, chosen.name), viable }
  }

  #prepare (tree: JoinTree, node: PlanNode, id: string, expression: Expression, isForeign: boolean, isRight = false): JoiningNode {
    if (tree.kind === 'JOIN') {
      const join = node as JoinNode
      if (isForeign || equivalents(tree).has(keyOf(expression))) return join
      return new PreJoinRepartition(`${id}SourceKeyed`, join, unqualify(expression, joinedName), this.#functions, join)
    }
    const keyed = isForeign && !(isRight && hasStructKey(tree.source))
      ? node
      : new PreJoinRepartition(`${id}SourceKeyed`, node, unqualify(expression, (_, column) => column), this.#functions)
    return new PreJoinProject(`PrependAlias${id}`, keyed, tree.source.alias)
  }

  /** True where the join is by a foreign key. */
  #checkJoin (info: JoinInfo, left: PlanNode, right: PlanNode): boolean {
    const names = `${info.left.source.name} %s ${info.right.source.name}`
    const joinName = { INNER: '[INNER] JOIN', LEFT: 'LEFT [OUTER] JOIN', RIGHT: 'RIGHT [OUTER] JOIN', OUTER: '[FULL] OUTER JOIN' }[info.type]
    const got = names.replace('%s', joinName)
    if (left.kind === 'STREAM') {
      if (right.kind === 'TABLE') this.#checkStreamTable(info, right, got)
      return false
    }
    if (right.kind === 'STREAM') throw new KsqlError(`Invalid join order: table-stream joins are not supported; only stream-table joins. Got ${got}.`)
    if (isNoKey(info.rightExpression, right, info.right)) {
      throw new KsqlError('Invalid join condition: table-table joins require to join on the primary key of the right input table. ' +
        `Got ${printCondition(info)}.`)
    }
    if (isNoKey(info.leftExpression, left, info.left)) {
      this.#checkForeignKey(info, left, right, got)
      return true
    }
    checkTypes(info, left.schema.key[0], right.schema.key[0])
    return false
  }

  #checkStreamTable (info: JoinInfo, right: PlanNode, got: string): void {
    if (info.type === 'OUTER') throw new KsqlError(`Invalid join type: full-outer join not supported for stream-table join. Got ${got}.`)
    if (isNoKey(info.rightExpression, right, info.right)) {
      throw new KsqlError(`Invalid join condition: stream-table joins require to join on the table's primary key. Got ${printCondition(info)}.`)
    }
  }

  #checkForeignKey (info: JoinInfo, left: PlanNode, right: PlanNode, got: string): void {
    if (info.type === 'OUTER') throw new KsqlError(`Invalid join type: full-outer join not supported for foreign-key table-table join. Got ${got}.`)
    if (!(left instanceof SourceNode) || !(right instanceof SourceNode)) {
      throw new KsqlError(`Invalid join condition: foreign-key table-table joins are not supported as part of n-way joins. Got ${printCondition(info)}.`)
    }
    const type = typesOf(left.schema, this.#functions).typeOf(unqualify(info.leftExpression, (_, column) => column))
    if (type === undefined) throw new KsqlError('Invalid Left Join Expression: NULL expression not supported')
    checkTypes(info, { name: '', type }, right.schema.key[0])
    if (right.source.window !== undefined) throw new KsqlError('Foreign-key table-table joins are not supported on windowed tables.')
  }
}

function hasStructKey ({ source }: AliasedSource): boolean {
  return supportsInference(source.formats.key.format) && source.schema.key.some(c => c.type.base === 'STRUCT')
}

function printCondition (info: JoinInfo): string {
  const [left, right] = info.flipped ? [info.rightExpression, info.leftExpression] : [info.leftExpression, info.rightExpression]
  return `${printExpressionPlain(left)} = ${printExpressionPlain(right)}`
}

function checkTypes (info: JoinInfo, left: Column | undefined, right: Column | undefined): void {
  if (left === undefined || right === undefined || sqlTypeEquals(left.type, right.type)) return
  const side = (e: Expression, { type }: Column): string => `${printExpressionPlain(e)}{${printSqlType(type)}}`
  const sides = [side(info.leftExpression, left), side(info.rightExpression, right)]
  if (info.flipped) sides.reverse()
  throw new KsqlError(`Invalid join condition: types don't match. Got ${sides.join(' = ')}.`)
}

/** Whether a side's join expression is anything but the one key column of its source. */
function isNoKey (expression: Expression, node: PlanNode, source: AliasedSource): boolean {
  if (!isColumnReference(expression)) return true
  const qualifier = expression.node === 'QualifiedColumnReference' ? expression.qualifier : source.alias
  const owner = node.sources.find(s => s.alias === qualifier) ?? node.sources[0]
  const keys = owner?.source.schema.key ?? []
  return keys.length !== 1 || keys[0]?.name !== expression.name
}
