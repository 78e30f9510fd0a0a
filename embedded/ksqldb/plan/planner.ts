// What the rest of the engine asks of planning: sources from DDL, plans from queries.
import type { Expression, Query, Statement } from '../sql/ast.js'
import { printStatement } from '../sql/printer.js'
import { AggregateNode, windowInfo } from './aggregate-node.js'
import type { Analysis } from './analysis.js'
import { analyze } from './analysis.js'
import { checkPlan } from './check-plan.js'
import { joinedName } from './column-names.js'
import { checkNameIsFree, checkTimestampColumn, topicOptions, wrapsByDefault } from './create-source.js'
import type { TopicOptions } from './create-source.js'
import { KsqlError, statementError } from './error.js'
import { checkFilter } from './filter.js'
import type { FunctionRegistry } from './function-registry.js'
import { JoinBuilder } from './join-builder.js'
import type { DataSource, MetaStore } from './metastore.js'
import type { PlanContext, PlanNode } from './plan-node.js'
import { ProjectNode, unqualify } from './project-node.js'
import type { TargetSchema } from './project-node.js'
import { isPartitionByNull } from './rekey.js'
import { sanitizeQuery, sanitizeStatement } from './sanitize.js'
import type { LogicalSchema } from './schema.js'
import { printSchema } from './schema.js'
import { checkFormats, formatName, inheritedProperties, keyFeatures, valueFeatures } from './serde-formats.js'
import { FilterNode, FlatMapNode, RepartitionNode, SourceNode } from './source-nodes.js'
import type { FormatInfo, FormatName, Formats, QueryPlan, WindowInfo } from './steps.js'
import { callsIn, locationPrefix } from './tree.js'
import { canImplicitlyCast } from './type-rules.js'
import { WithClause } from './with-clause.js'

export { createSource } from './create-source.js'
export type { CreatedSource, TopicOptions } from './create-source.js'
export { planPullQuery } from './pull-query.js'
export { sanitizeQuery, sanitizeStatement } from './sanitize.js'

type CreateAsSelect = Extract<Statement, { node: 'CreateAsSelect' }>
type InsertInto = Extract<Statement, { node: 'InsertInto' }>

export interface PlannerOptions {
  readonly functions: FunctionRegistry
  /** Server and session properties: ksql.persistence.default.format.value and such. */
  readonly properties: Readonly<Record<string, string>>
  /** How many partitions a topic has, so that joins of topics that do not match are refused; undefined where it is not known. */
  readonly partitions?: (topic: string) => number | undefined
}

export interface PlannedQuery {
  readonly plan: QueryPlan
  /** The source that CREATE … AS SELECT declares; for INSERT INTO the existing target. */
  readonly sink: DataSource
  readonly topic: TopicOptions
}

export interface TransientPlan {
  readonly plan: QueryPlan
  /** The answer's columns in the order of the SELECT: all stand among the value columns of `plan.physical.schema`. */
  readonly schema: LogicalSchema
}

function defaultKeyFormat (properties: Readonly<Record<string, string>>): FormatName {
  return formatName(properties['ksql.persistence.default.format.key'] ?? 'KAFKA')
}

type TopNode = ProjectNode | AggregateNode

/** Columns as the rows beneath have them: ALIAS_COLUMN over a join, else the column's own name. */
function inRows (analysis: Analysis): (expression: Expression) => Expression {
  return expression => unqualify(expression, analysis.joins.length > 0 ? joinedName : (_, column) => column)
}

function buildNodes (analysis: Analysis, options: PlannerOptions, isPersistent: boolean, target: TargetSchema): TopNode {
  const { functions } = options
  const rewritten = inRows(analysis)
  let node: PlanNode = analysis.joins.length > 0
    ? new JoinBuilder(analysis, functions, defaultKeyFormat(options.properties)).build()
    : new SourceNode('KsqlTopic', analysis.from.source, analysis.from.alias)
  if (analysis.where !== undefined) {
    const where = rewritten(analysis.where)
    checkFilter(where, node.schema, functions, 'WHERE')
    node = new FilterNode(node, where)
  }
  if (analysis.partitionBy !== undefined) node = new RepartitionNode(node, analysis.partitionBy, analysis.partitionBy.map(rewritten), functions)
  const items = analysis.select.map(item => item.node === 'SingleColumn'
    ? { ...item, expression: rewritten(item.expression) }
    : item.node === 'StructAll' ? { ...item, baseStruct: rewritten(item.baseStruct) } : item)
  if (analysis.tableFunctions.length > 0) {
    const calls = items.map(item => item.node === 'SingleColumn' ? callsIn(item.expression).filter(c => functions.isTableFunction(c.name)) : [])
    node = new FlatMapNode(node, calls, functions)
  }
  if (analysis.groupBy === undefined) {
    if (analysis.window !== undefined) throw new KsqlError(`${locationPrefix(analysis.window)}WINDOW clause requires a GROUP BY clause.`)
    return new ProjectNode(node, items, isPersistent, target, functions)
  }
  return new AggregateNode(node, {
    groupBy: analysis.groupBy.map(rewritten), isWholeGroup: analysis.isWholeGroup, items,
    where: analysis.where === undefined ? undefined : rewritten(analysis.where),
    having: analysis.having === undefined ? undefined : rewritten(analysis.having),
    window: analysis.window, isPersistent, isFinal: analysis.isFinal, target,
    rowtime: rewritten({ node: 'QualifiedColumnReference', qualifier: analysis.from.alias, name: 'ROWTIME' })
  }, functions)
}

function checkFinal (analysis: Analysis): void {
  if (analysis.isFinal && (analysis.groupBy === undefined || analysis.window === undefined)) {
    throw new KsqlError('EMIT FINAL is only supported for windowed aggregations.')
  }
}

function windowOf (analysis: Analysis): WindowInfo | undefined {
  return analysis.window === undefined ? analysis.from.source.window : windowInfo(analysis.window)
}

function contextOf (options: PlannerOptions): PlanContext {
  return { functions: options.functions, properties: options.properties, partitions: options.partitions }
}

function buildPlan (node: TopNode, analysis: Analysis, options: PlannerOptions, sink: QueryPlan['sink'], window: WindowInfo | undefined): QueryPlan {
  const { step, kind } = node.build(contextOf(options))
  const physical = step.step === 'TableSelect' && sink !== undefined ? { ...step, materialized: true } : step
  checkPlan(physical, options.functions)
  return {
    sourceNames: analysis.sources.map(s => s.source.name),
    ...(sink === undefined ? {} : { sink }),
    physical,
    resultType: kind === 'STREAM' ? 'STREAM' : window === undefined ? 'TABLE' : 'WINDOWED_TABLE',
    ...(window === undefined ? {} : { window }),
    ...(analysis.limit === undefined ? {} : { limit: analysis.limit })
  }
}

/** The format of a new sink: as the WITH clause says, else as the source's, with the properties that such a format takes over. */
function sinkFormat (name: FormatName, own: Readonly<Record<string, string>>, source: FormatInfo): FormatInfo {
  return { format: name, properties: { ...(name === source.format ? inheritedProperties(source) : {}), ...own }, features: [] }
}

function sinkFormats (statement: CreateAsSelect, clause: WithClause, analysis: Analysis, schema: LogicalSchema, options: PlannerOptions): Formats {
  const source = analysis.from.source.formats
  const byNull = analysis.partitionBy !== undefined && isPartitionByNull(analysis.partitionBy)
  if (byNull && clause.keyFormat !== undefined && clause.keyFormat !== 'NONE') throw new KsqlError('Key format specified for stream without key columns.')
  let keyName = byNull ? 'NONE' : clause.keyFormat ?? source.key.format
  if (keyName === 'NONE' && clause.keyFormat === undefined && schema.key.length > 0) keyName = defaultKeyFormat(options.properties)
  const valueName = clause.valueFormat ?? source.value.format
  const key = sinkFormat(keyName, clause.keyProperties(keyName, statement.name), source.key)
  const value = sinkFormat(valueName, clause.valueProperties(valueName), source.value)
  return {
    key: { ...key, features: keyFeatures(keyName, schema.key.length) },
    value: { ...value, features: valueFeatures(valueName, schema.value.length, clause.wrapSingleValue, wrapsByDefault(options.properties)) }
  }
}

function checkResultKind (statement: CreateAsSelect, node: TopNode): void {
  if (statement.kind === node.kind) return
  throw new KsqlError(`Invalid result type. Your SELECT query produces a ${node.kind}. Please use CREATE ${node.kind} AS SELECT statement instead.`)
}

function planCreate (statement: CreateAsSelect, metastore: MetaStore, options: PlannerOptions & { readonly sqlText: string }): PlannedQuery {
  const { name, query } = statement
  const clause = new WithClause(statement.properties, 'CREATE AS')
  const analysis = analyze(query, metastore, options.functions, 'PERSISTENT')
  const node = buildNodes(analysis, options, true, undefined)
  checkFinal(analysis)
  const { schema } = node
  const { timestampColumn } = clause
  checkTimestampColumn(timestampColumn, schema)
  const formats = sinkFormats(statement, clause, analysis, schema, options)
  node.checkKeyPresent(name)
  checkResultKind(statement, node)
  checkNameIsFree(statement.kind, name, metastore.source(name), statement)
  const window = windowOf(analysis)
  const topic = clause.kafkaTopic ?? `${options.properties['ksql.output.topic.name.prefix'] ?? ''}${name}`
  const shared = { name, topic, formats, ...(timestampColumn === undefined ? {} : { timestampColumn }) }
  const plan = buildPlan(node, analysis, options, shared, window)
  try {
    checkFormats(schema, formats)
  } catch (error) {
    if (error instanceof KsqlError) throw statementError(error.message, printStatement(statement).replace(/;$/, ''))
    throw error
  }
  const sink: DataSource = {
    ...shared, kind: statement.kind, schema, ...(window === undefined ? {} : { window }), isSource: false, isCasTarget: true, sqlText: options.sqlText
  }
  const policy = statement.kind === 'STREAM' ? 'delete' : window === undefined ? 'compact' : 'compact,delete'
  return { plan, sink, topic: { ...topicOptions(topic, clause, policy), inheritFrom: analysis.from.source.topic } }
}

function isCompatible (result: LogicalSchema, sink: LogicalSchema): boolean {
  const columns = ({ key, value }: LogicalSchema) => [...key.map(c => ({ ...c, isKey: true })), ...value.map(c => ({ ...c, isKey: false }))]
  const targets = columns(sink)
  const sources = columns(result)
  return sources.length === targets.length && sources.every((column, i) => {
    const target = targets[i]
    return target !== undefined && column.name === target.name && column.isKey === target.isKey && canImplicitlyCast(column.type.base, target.type.base)
  })
}

function planInsert (statement: InsertInto, metastore: MetaStore, options: PlannerOptions): PlannedQuery {
  const target = metastore.source(statement.target)
  if (target === undefined) throw new KsqlError(`Unknown source: ${statement.target}`)
  if (target.isSource) throw new KsqlError(`Cannot insert into read-only ${target.kind.toLowerCase()}: ${target.name}`)
  const clause = new WithClause(statement.properties, 'INSERT')
  const analysis = analyze(statement.query, metastore, options.functions, 'PERSISTENT')
  const node = buildNodes(analysis, options, true, target.schema)
  checkFinal(analysis)
  node.checkKeyPresent(target.name)
  if (target.kind !== node.kind) {
    const kind = (k: 'STREAM' | 'TABLE'): string => `K${k}`
    throw new KsqlError(`Incompatible data sink and query result. Data sink (${target.name}) type is ${kind(target.kind)} but select query result is ${kind(node.kind)}.`)
  }
  if (!isCompatible(node.schema, target.schema)) {
    throw new KsqlError('Incompatible schema between results and sink.\n' +
      `Result schema is ${printSchema(node.schema)}\nSink schema is ${printSchema(target.schema)}`)
  }
  const { name, topic, formats, timestampColumn } = target
  const plan = buildPlan(node, analysis, options, { name, topic, formats, ...(timestampColumn === undefined ? {} : { timestampColumn }) }, windowOf(analysis))
  return { plan, sink: target, topic: topicOptions(topic, clause, 'delete') }
}

/** Plans CREATE … AS SELECT or INSERT INTO … SELECT, sanitized or not. Throws KsqlError with ksqlDB's own message. */
export function planPersistentQuery (
  statement: CreateAsSelect | InsertInto, metastore: MetaStore, options: PlannerOptions & { readonly sqlText: string }
): PlannedQuery {
  const sanitized = sanitizeStatement(statement, metastore) as CreateAsSelect | InsertInto
  return sanitized.node === 'CreateAsSelect' ? planCreate(sanitized, metastore, options) : planInsert(sanitized, metastore, options)
}

/** A push query: SELECT … EMIT CHANGES or EMIT FINAL. Throws KsqlError. */
export function planTransientQuery (query: Query, metastore: MetaStore, options: PlannerOptions): TransientPlan {
  const analysis = analyze(sanitizeQuery(query, metastore), metastore, options.functions, 'PUSH')
  const node = buildNodes(analysis, options, false, undefined)
  checkFinal(analysis)
  return { plan: buildPlan(node, analysis, options, undefined, windowOf(analysis)), schema: node.schema }
}
