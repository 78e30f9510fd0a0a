// One join: its schema, the key that its result has, and the step that it becomes (ksqlDB's JoinNode).
import type { Expression } from '../sql/ast.js'
import { printSqlType, sqlTypeEquals } from '../sql/sql-type.js'
import type { JoinInfo } from './analysis.js'
import { NameGenerator, joinedName } from './column-names.js'
import { KsqlError } from './error.js'
import { PreJoinProject, PreJoinRepartition, keyFormatOf } from './join-side.js'
import type { InnerJoin, JoiningNode } from './join-side.js'
import type { Qualified } from './join-tree.js'
import { hasColumn } from './logical-schema.js'
import type { Built, PlanContext, PlanNode, Projection, SourceNodeLike } from './plan-node.js'
import { keysNotIncluded, valueFormatOf } from './plan-node.js'
import type { LogicalSchema } from './schema.js'
import { checkKeyTypes, keyFeatures } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import type { FormatName, JoinType } from './steps.js'
import { columnReference } from './tree.js'
import { windowMs } from './window.js'

/** What the key of the result is: a column of a source, one made for it, or the left table's own beside a foreign key. */
export type JoinKey =
  | { readonly kind: 'COLUMN', readonly name: string, readonly viable: readonly Qualified[] }
  | { readonly kind: 'SYNTHETIC' }
  | { readonly kind: 'FOREIGN', readonly expression: Expression }

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

export class JoinNode implements InnerJoin {
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
    if (left === undefined || right === undefined) return
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

function innerJoin (node: PlanNode): InnerJoin | undefined {
  return node instanceof JoinNode ? node : node instanceof PreJoinRepartition ? node.join : undefined
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
