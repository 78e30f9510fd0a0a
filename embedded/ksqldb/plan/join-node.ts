// Joins: the tree of them, which column becomes the key, what each side must be keyed by, the key format that both sides come to
// (ksqlDB's JoinTree, JoinNode, PreJoinProjectNode, PreJoinRepartitionNode).
import type { Expression } from '../sql/ast.js'
import { printSqlType, sqlTypeEquals } from '../sql/sql-type.js'
import type { Analysis, JoinInfo } from './analysis.js'
import { flipJoin } from './analysis.js'
import { NameGenerator, joinedName } from './column-names.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { hasColumn } from './logical-schema.js'
import type { Built, PlanContext, PlanNode, SourceNodeLike } from './plan-node.js'
import { Projection, keysNotIncluded, typesOf, valueFormatOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import { unqualify } from './project-node.js'
import type { AliasedSource } from './sanitize.js'
import type { Column, LogicalSchema } from './schema.js'
import { checkKeyTypes, keyFeatures, supportsInference } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import { SourceNode, needsRepartition, repartitionedSchema, selectKey } from './source-nodes.js'
import type { FormatName, JoinType } from './steps.js'
import { columnReference, isColumnReference, keyOf } from './tree.js'
import { windowMs } from './window.js'

type Qualified = Extract<Expression, { node: 'QualifiedColumnReference' }>

/** A side of a join, which must come to a common key format with the other. */
interface JoiningNode extends PlanNode {
  preferredKeyFormat (): KeyFormat | undefined
  setKeyFormat (format: KeyFormat): void
}

type JoinTree =
  | { readonly kind: 'LEAF', readonly source: AliasedSource }
  | { readonly kind: 'JOIN', readonly left: JoinTree, readonly right: JoinTree, readonly info: JoinInfo }
type Join = Extract<JoinTree, { kind: 'JOIN' }>

function contains (tree: JoinTree, source: AliasedSource): boolean {
  return tree.kind === 'LEAF' ? tree.source.alias === source.alias : contains(tree.left, source) || contains(tree.right, source)
}

function joinTree (joins: readonly JoinInfo[]): Join {
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
function equivalents (tree: JoinTree): ReadonlySet<string> {
  if (tree.kind === 'LEAF' || tree.info.type === 'OUTER') return new Set()
  const keys = new Set([keyOf(tree.info.leftExpression), keyOf(tree.info.rightExpression)])
  const all = new Set(keys)
  for (const side of [equivalents(tree.left), equivalents(tree.right)]) {
    if ([...side].some(key => keys.has(key))) for (const key of side) all.add(key)
  }
  return all
}

/** Columns that may stand for the key of the result. */
function viableKeys (tree: JoinTree): Qualified[] {
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

type JoinKey =
  | { readonly kind: 'COLUMN', readonly name: string, readonly viable: readonly Qualified[] }
  | { readonly kind: 'SYNTHETIC' }
  | { readonly kind: 'FOREIGN', readonly expression: Expression }

function sameFormat (a: KeyFormat, b: KeyFormat): boolean {
  return a.info.format === b.info.format && JSON.stringify(a) === JSON.stringify(b)
}

/** Rekeys one side by its join expression. */
class PreJoinRepartition implements JoiningNode {
  readonly schema: LogicalSchema
  readonly #input: PlanNode
  readonly #id: string
  readonly #expression: Expression
  #keyFormat: KeyFormat | undefined
  #force = false

  constructor (id: string, input: PlanNode, expression: Expression, functions: FunctionRegistry) {
    this.#id = id
    this.#input = input
    this.#expression = expression
    this.schema = repartitionedSchema(input.schema, [expression], functions)
  }

  get kind (): 'STREAM' | 'TABLE' { return this.#input.kind }
  get sources (): readonly SourceNodeLike[] { return this.#input.sources }

  resolveSelect (index: number, expression: Expression): Expression {
    return this.#input.resolveSelect(index, expression)
  }

  starColumns (alias: string | undefined): readonly string[] {
    return this.#input.starColumns(alias)
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    this.#input.checkKeyPresent(sink, projection)
  }

  /** The join whose result is rekeyed, if it is one. */
  joinBeneath (): JoinNode | undefined {
    return this.#input instanceof JoinNode ? this.#input : undefined
  }

  get #rekeys (): boolean {
    return needsRepartition(this.#input.schema, [this.#expression])
  }

  get #sourceFormat (): KeyFormat {
    return keyFormatOf(this.sources[0] as SourceNodeLike)
  }

  preferredKeyFormat (): KeyFormat | undefined {
    if (this.#rekeys) return undefined
    return this.#input instanceof JoinNode ? this.#input.preferredKeyFormat() : this.#sourceFormat
  }

  setKeyFormat (format: KeyFormat): void {
    const passDown = this.#choose(format)
    if (this.#input instanceof JoinNode) {
      if (passDown === undefined) this.#input.resolveKeyFormats()
      else this.#input.setKeyFormat(passDown)
    }
  }

  /** Keeps what this node itself must change to; gives what the join beneath can do instead. */
  #choose (format: KeyFormat): KeyFormat | undefined {
    // Keys of formats with a schema carry its id: two sides would never meet unless both are written anew.
    if (supportsInference(format.info.format)) this.#force = true
    if (this.#rekeys || this.#force) {
      this.#keyFormat = format
      return undefined
    }
    if (this.#input instanceof JoinNode) {
      const preferred = this.#input.preferredKeyFormat()
      if (preferred === undefined || sameFormat(preferred, format)) return format
      this.#keyFormat = format
      return undefined
    }
    if (!sameFormat(format, this.#sourceFormat)) this.#keyFormat = format
    return undefined
  }

  build (context: PlanContext): Built {
    const forced = { ...(this.#keyFormat === undefined ? {} : { keyFormat: this.#keyFormat }), repartition: this.#force }
    return selectKey(this.#input.build(context), [this.#expression], this.schema, this.#id, this, context, forced)
  }
}

function keyFormatOf ({ source }: SourceNodeLike): KeyFormat {
  return { info: source.formats.key, ...(source.window === undefined ? {} : { window: source.window }) }
}

/** Puts the alias before each column of one side. */
class PreJoinProject implements JoiningNode {
  readonly schema: LogicalSchema
  readonly alias: string
  readonly #input: PlanNode
  readonly #id: string

  constructor (id: string, input: PlanNode, alias: string) {
    this.#id = id
    this.#input = input
    this.alias = alias
    const prefixed = (columns: readonly Column[]): Column[] => columns.map(c => ({ name: joinedName(alias, c.name), type: c.type }))
    this.schema = { key: prefixed(input.schema.key), value: prefixed(input.schema.value) }
  }

  get kind (): 'STREAM' | 'TABLE' { return this.#input.kind }
  get sources (): readonly SourceNodeLike[] { return this.#input.sources }

  resolveSelect (_index: number, expression: Expression): Expression {
    return expression
  }

  starColumns (alias: string | undefined): readonly string[] {
    return this.#input.starColumns(alias).map(name => joinedName(this.alias, name))
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    this.#input.checkKeyPresent(sink, projection)
  }

  preferredKeyFormat (): KeyFormat | undefined {
    return this.#input instanceof PreJoinRepartition ? this.#input.preferredKeyFormat() : keyFormatOf(this.sources[0] as SourceNodeLike)
  }

  setKeyFormat (format: KeyFormat): void {
    if (this.#input instanceof PreJoinRepartition) this.#input.setKeyFormat(format)
  }

  build (context: PlanContext): Built {
    const built = this.#input.build(context)
    return {
      ...built,
      step: {
        step: built.kind === 'STREAM' ? 'StreamSelect' : 'TableSelect', context: this.#id, schema: this.schema, source: built.step,
        keyColumnNames: this.schema.key.map(c => c.name),
        selects: this.#input.schema.value.map(c => ({ alias: joinedName(this.alias, c.name), expression: columnReference(c.name) }))
      }
    }
  }
}

const NO_WITHIN = 'Stream-Stream joins must have a WITHIN clause specified. None was provided. To learn about how to specify a WITHIN clause with a ' +
  'stream-stream join, please visit: https://docs.confluent.io/current/ksql/docs/syntax-reference.html#create-stream-as-select'

interface JoinParts {
  readonly id: string
  readonly type: JoinType
  readonly key: JoinKey
  readonly isOutermost: boolean
  readonly left: JoiningNode
  readonly right: JoiningNode
  readonly info: JoinInfo
  readonly defaultKeyFormat: FormatName
}

export class JoinNode implements JoiningNode {
  readonly schema: LogicalSchema
  readonly #parts: JoinParts

  constructor (parts: JoinParts) {
    this.#parts = parts
    this.schema = parts.key.kind === 'FOREIGN'
      ? { key: parts.left.schema.key, value: [...parts.left.schema.value, ...parts.right.schema.value] }
      : joinSchema(parts.key, parts.left, parts.right)
    checkKeyTypes(this.schema)
  }

  get kind (): 'STREAM' | 'TABLE' {
    return this.#parts.left.kind === 'TABLE' && this.#parts.right.kind === 'TABLE' ? 'TABLE' : 'STREAM'
  }

  get sources (): readonly SourceNodeLike[] {
    return [...this.#parts.left.sources, ...this.#parts.right.sources]
  }

  resolveSelect (_index: number, expression: Expression): Expression {
    return expression
  }

  starColumns (alias: string | undefined): readonly string[] {
    const names = this.projects().filter(p => alias === undefined || p.alias === alias).flatMap(p => p.starColumns(undefined))
    const [key] = this.schema.key
    return alias === undefined && this.#parts.key.kind === 'SYNTHETIC' && this.#parts.isOutermost && key !== undefined ? [key.name, ...names] : names
  }

  /** The sides of all joins beneath, each with its alias, from the left. */
  projects (): PreJoinProject[] {
    const { left, right } = this.#parts
    return [left, right].flatMap(side => side instanceof PreJoinProject ? [side] : innerJoin(side)?.projects() ?? [])
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    const { key } = this.#parts
    if (key.kind === 'FOREIGN') {
      this.#checkForeignKey(projection)
      return
    }
    const viable: readonly Expression[] = key.kind === 'SYNTHETIC' ? this.schema.key.map(c => columnReference(c.name)) : key.viable
    const renamed = key.kind === 'SYNTHETIC' ? [] : key.viable.map(e => columnReference(joinedName(e.qualifier, e.name)))
    if ([...renamed, ...viable].some(e => projection.contains(e))) return
    throw keysNotIncluded(sink, 'join expression', viable, false, key.kind === 'SYNTHETIC')
  }

  #checkForeignKey (projection: Projection): void {
    const leftmost = this.sources[0] as SourceNodeLike
    const { alias } = leftmost
    const missing = leftmost.source.schema.key.filter(k =>
      !projection.contains({ node: 'QualifiedColumnReference', qualifier: alias, name: k.name }) && !projection.contains(columnReference(joinedName(alias, k.name))))
    if (missing.length === 0) return
    const word = missing.length === 1 ? 'column' : 'columns'
    throw new KsqlError(`Primary key ${word} missing in projection. For foreign-key table-table joins, the projection must include all primary key columns ` +
      `from the left input table (\`${alias}\`). Missing ${word}: ${missing.map(k => `\`${k.name}\``).join(', ')}.`)
  }

  preferredKeyFormat (): KeyFormat | undefined {
    return this.#parts.left.preferredKeyFormat() ?? this.#parts.right.preferredKeyFormat()
  }

  setKeyFormat (format: KeyFormat): void {
    this.#parts.left.setKeyFormat(format)
    this.#parts.right.setKeyFormat(format)
  }

  resolveKeyFormats (): void {
    const { defaultKeyFormat } = this.#parts
    const written = this.sources.map(keyFormatOf).find(f => f.info.format !== 'NONE')
    const byDefault: KeyFormat = { info: { format: defaultKeyFormat, properties: {}, features: keyFeatures(defaultKeyFormat, 1) } }
    this.setKeyFormat(this.preferredKeyFormat() ?? written ?? byDefault)
  }

  build (context: PlanContext): Built {
    const { left, right, key } = this.#parts
    if (key.kind !== 'FOREIGN') this.#checkPartitions(context)
    if (this.schema.key.length > 1 && key.kind !== 'FOREIGN') throw new KsqlError('JOINs are not supported with multiple key columns')
    if (left.kind === 'STREAM' && right.kind === 'STREAM') return this.#streamStream(context)
    if (this.#parts.info.within !== undefined) {
      const pair = left.kind === 'STREAM' ? 'Stream-Table' : 'Table-Table'
      throw new KsqlError(`A window definition was provided for a ${pair} join. These joins are not windowed. Please drop the window definition ` +
        `(${left.kind === 'STREAM' ? 'ie.' : 'i.e.'} the WITHIN clause) and try to execute your ${left.kind === 'STREAM' ? '' : 'Table-Table '}join again.`)
    }
    return left.kind === 'STREAM' ? this.#streamTable(context) : this.#tableTable(context)
  }

  #checkPartitions ({ partitions }: PlanContext): void {
    if (partitions === undefined) return
    const [left, right] = [this.#parts.left, this.#parts.right].map(side => side.sources[0] as SourceNodeLike)
    if (left === undefined || right === undefined || this.#parts.left.sources.length > 1) return
    const a = partitions(left.source.topic)
    const b = partitions(right.source.topic)
    if (a === undefined || b === undefined || a === b) return
    throw new KsqlError(`Can't join \`${left.alias}\` with \`${right.alias}\` since the number of partitions don't match. \`${left.alias}\` partitions = ${a}; ` +
      `\`${right.alias}\` partitions = ${b}. Please repartition either one so that the number of partitions match.`)
  }

  #streamStream (context: PlanContext): Built {
    const { left, right, id, type, info } = this.#parts
    if (info.within === undefined) throw new KsqlError(NO_WITHIN)
    const a = left.build(context)
    const b = right.build(context)
    const { before, after, gracePeriod } = info.within
    return {
      kind: 'STREAM',
      keyFormat: a.keyFormat,
      step: {
        step: 'StreamStreamJoin', context: id, schema: this.schema, left: a.step, right: b.step, joinType: type,
        beforeMs: windowMs(before), afterMs: windowMs(after), ...(gracePeriod === undefined ? {} : { graceMs: windowMs(gracePeriod) }),
        leftFormats: { key: a.keyFormat.info, value: valueFormatOf(left) }, rightFormats: { key: b.keyFormat.info, value: valueFormatOf(right) }
      }
    }
  }

  #streamTable (context: PlanContext): Built {
    const { left, right, id, type } = this.#parts
    if (type !== 'INNER' && type !== 'LEFT') throw new KsqlError(`Invalid join type encountered: ${type}`)
    const table = right.build(context)
    const stream = left.build(context)
    return {
      kind: 'STREAM',
      keyFormat: stream.keyFormat,
      step: {
        step: 'StreamTableJoin', context: id, schema: this.schema, left: stream.step, right: table.step, joinType: type,
        leftFormats: { key: stream.keyFormat.info, value: valueFormatOf(left) }
      }
    }
  }

  #tableTable (context: PlanContext): Built {
    const { left, right, id, type, key } = this.#parts
    const a = left.build(context)
    const b = right.build(context)
    const common = { context: id, schema: this.schema, left: a.step, right: b.step }
    if (key.kind !== 'FOREIGN') return { kind: 'TABLE', keyFormat: a.keyFormat, step: { ...common, step: 'TableTableJoin', joinType: type } }
    if (type === 'RIGHT') throw new KsqlError('RIGHT OUTER JOIN on a foreign key is not supported')
    return {
      kind: 'TABLE',
      keyFormat: a.keyFormat,
      step: { ...common, step: 'ForeignKeyTableTableJoin', joinType: type === 'LEFT' ? 'LEFT' : 'INNER', leftJoinExpression: key.expression }
    }
  }
}

function innerJoin (node: PlanNode): JoinNode | undefined {
  return node instanceof JoinNode ? node : node instanceof PreJoinRepartition ? node.joinBeneath() : undefined
}

function joinSchema (key: JoinKey, leftNode: PlanNode, rightNode: PlanNode): LogicalSchema {
  const [left, right] = [leftNode.schema, rightNode.schema]
  const [leftKey] = left.key
  const [rightKey] = right.key
  if (leftKey === undefined || rightKey === undefined || left.key.length > 1 || right.key.length > 1) throw new KsqlError('Multi-key joins not supported')
  if (!sqlTypeEquals(leftKey.type, rightKey.type)) {
    throw new KsqlError(`Invalid join. Key types differ: ${printSqlType(leftKey.type)} vs ${printSqlType(rightKey.type)}`)
  }
  const value = [...left.value, ...right.value]
  const declared = [...leftNode.sources, ...rightNode.sources].flatMap(({ source }) => [...source.schema.key, ...source.schema.value])
  const name = key.kind === 'COLUMN' ? key.name : new NameGenerator(declared).joinKey()
  const column = { name, type: leftKey.type }
  return { key: [column], value: hasColumn(value, name) ? value : [...value, column] }
}

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
      return new PreJoinRepartition(`${id}SourceKeyed`, join, unqualify(expression, joinedName), this.#functions)
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
