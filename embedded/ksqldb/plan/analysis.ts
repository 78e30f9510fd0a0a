// What a query says, clause by clause, checked against its sources (ksqlDB's Analyzer): names resolve, joins are of a form that can be run.
import type { Expression, JoinedSource, Query, SelectItem, WindowExpression, WithinExpression } from '../sql/ast.js'
import { BYTES } from '../sql/sql-type.js'
import { maybeJoinKey } from './column-names.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { isPseudoColumn, isSystemColumn, isWindowBound } from './logical-schema.js'
import type { MetaStore } from './metastore.js'
import { printExpressionPlain } from './print.js'
import { sourcesOf } from './sanitize.js'
import type { AliasedSource } from './sanitize.js'
import type { JoinType } from './steps.js'
import type { ColumnReference } from './tree.js'
import { callsIn, columnsIn, keyOf, locationPrefix, walk } from './tree.js'

type FunctionCall = Extract<Expression, { node: 'FunctionCall' }>

export interface JoinInfo {
  readonly left: AliasedSource
  readonly leftExpression: Expression
  readonly right: AliasedSource
  readonly rightExpression: Expression
  readonly type: JoinType
  /** The sides stand the other way round than in the statement. */
  readonly flipped: boolean
  readonly within?: WithinExpression
}

export interface Analysis {
  readonly sources: readonly AliasedSource[]
  readonly from: AliasedSource
  readonly joins: readonly JoinInfo[]
  readonly select: readonly SelectItem[]
  readonly where?: Expression
  readonly groupBy?: readonly Expression[]
  /** No GROUP BY is written, but an aggregate is: one group of everything. */
  readonly isWholeGroup: boolean
  readonly partitionBy?: readonly Expression[]
  readonly window?: WindowExpression
  readonly having?: Expression
  readonly limit?: number
  readonly isFinal: boolean
  readonly tableFunctions: readonly FunctionCall[]
}

/** What an aggregate without GROUP BY is grouped by. */
const WHOLE_GROUP: Expression = { node: 'Cast', expression: { node: 'StringLiteral', value: 'AQ==' }, type: BYTES }

const KAFKA_LIMITATION = 'The KAFKA format is primarily intended for use as a key format. It can be used as a value format, but can not be used in any operation that ' +
  'requires a repartition or changelog topic.\nRemoving this limitation requires enhancements to the core of KSQL. ' +
  'This will come in a future release. Until then, avoid using the KAFKA format for values.\nIf you have an existing topic with ' +
  'KAFKA formatted values you can duplicate the data and serialize using Avro or JSON with a statement such as: \n\n' +
  "'CREATE STREAM <new-stream-name> WITH(VALUE_FORMAT='Avro') AS SELECT * FROM <existing-kafka-formated-stream-name>;'\n" +
  'For more info see https://github.com/confluentinc/ksql/issues/3060'

/** Finds the source of each column that an expression reads. */
class ColumnValidator {
  readonly #sources: readonly AliasedSource[]
  readonly #windowed: boolean
  readonly #maybeJoinKeys: boolean

  constructor (sources: readonly AliasedSource[], windowed: boolean, maybeJoinKeys: boolean) {
    this.#sources = sources
    this.#windowed = windowed
    this.#maybeJoinKeys = maybeJoinKeys
  }

  /** The aliases that the expression reads. Throws KsqlError where a column is of none. */
  check (expression: Expression, clause: string, unresolved = 'cannot be resolved.'): Set<string> {
    const found = new Set<string>()
    for (const reference of columnsIn(expression)) {
      const owners = this.#sources.filter(source => this.#has(source, reference))
      const [owner] = owners
      const isJoinKey = owner === undefined && this.#maybeJoinKeys && this.#sources.length > 1 && clause === 'SELECT' &&
        reference.node === 'UnqualifiedColumnReference' && maybeJoinKey(reference.name)
      if (isJoinKey) continue
      if (owner === undefined || owners.length > 1) throw unknownColumn(reference, clause, unresolved)
      found.add(owner.alias)
    }
    return found
  }

  #has ({ alias, source }: AliasedSource, reference: ColumnReference): boolean {
    if (reference.node === 'QualifiedColumnReference' && reference.qualifier !== alias) return false
    const { name } = reference
    return isPseudoColumn(name) || (isWindowBound(name) && (this.#windowed || source.window !== undefined)) ||
      source.schema.key.some(c => c.name === name) || source.schema.value.some(c => c.name === name)
  }
}

function unknownColumn (reference: ColumnReference, clause: string, message: string): KsqlError {
  const text = printExpressionPlain(reference)
  return new KsqlError(`${locationPrefix(reference)}${clause} column '${text}' ${message.replace('%s', text)}`)
}

const REPARTITION_HINT = "cannot be resolved. '%s' must be a column in the source schema since PARTITION BY is applied on the input."

function checkColumns (query: Query, sources: readonly AliasedSource[], isPull: boolean): void {
  const validator = new ColumnValidator(sources, query.window !== undefined, !isPull && query.groupBy === undefined)
  if (query.where !== undefined) validator.check(query.where, 'WHERE')
  for (const e of query.groupBy?.expressions ?? []) validator.check(e, 'GROUP BY')
  for (const e of query.partitionBy?.expressions ?? []) validator.check(e, 'PARTITION BY', REPARTITION_HINT)
  if (query.having !== undefined) validator.check(query.having, 'HAVING')
  for (const item of query.select) if (item.node === 'SingleColumn') validator.check(item.expression, 'SELECT')
}

function isEquality (e: Expression): boolean {
  return e.node === 'Comparison' && e.operator === '='
}

function checkWindowing (left: AliasedSource, right: AliasedSource): void {
  const a = left.source.window?.type
  const b = right.source.window?.type
  if ((a === undefined) !== (b === undefined)) {
    throw new KsqlError(`Can not join windowed source to non-windowed source.\n\`${left.alias}\` is ${a ?? 'not'} windowed\n\`${right.alias}\` is ${b ?? 'not'} windowed`)
  }
  if ((a === 'SESSION') !== (b === 'SESSION')) {
    throw new KsqlError(`Incompatible windowed sources.\nLeft source: ${a}\nRight source: ${b}\n` +
      'Session windowed sources can only be joined to other session windowed sources, and may still not result in expected behaviour as session bounds must be an exact ' +
      'match for the join to work\nHopping and tumbling windowed sources can only be joined to other hopping and tumbling windowed sources')
  }
}

/** `known`: the sources so far, the joined one last. Throws KsqlError. */
function analyzeJoin (join: JoinedSource, known: readonly AliasedSource[]): JoinInfo {
  const { criteria } = join
  if (criteria.node !== 'Comparison') {
    const text = printExpressionPlain(criteria)
    if (criteria.node === 'LogicalBinary' && isEquality(criteria.left) && isEquality(criteria.right)) {
      throw new KsqlError(`Invalid join condition: joins on multiple conditions are not yet supported. Got ${text}.`)
    }
    throw new KsqlError(`Unsupported join expression: ${text}`)
  }
  if (!isEquality(criteria)) throw new KsqlError('Only equality join criteria is supported.')
  const validator = new ColumnValidator(known, false, false)
  const usedLeft = validator.check(criteria.left, 'JOIN ON')
  const usedRight = validator.check(criteria.right, 'JOIN ON')
  const only = (used: Set<string>, e: Expression): AliasedSource => {
    const [alias] = used
    const source = known.find(s => s.alias === alias)
    if (used.size !== 1 || source === undefined) {
      throw new KsqlError(`Invalid comparison expression '${printExpressionPlain(e)}' in join '${printExpressionPlain(criteria)}'. ` +
        'Each side of the join comparision must contain references from exactly one source.')
    }
    return source
  }
  const left = only(usedLeft, criteria.left)
  const right = only(usedRight, criteria.right)
  if (left === right) {
    throw new KsqlError('Each side of the join must reference exactly one source and not the same source. ' +
      `Left side references \`${left.alias}\` and right references \`${right.alias}\``)
  }
  checkWindowing(left, right)
  const joined = known[known.length - 1] as AliasedSource
  if (left !== joined && right !== joined) {
    throw new KsqlError(`A join criteria is expected to reference the source (\`${joined.alias}\`) in the FROM clause, ` +
      `instead the right source references \`${right.alias}\` and the left source references \`${left.alias}\``)
  }
  const info: JoinInfo = {
    left, leftExpression: criteria.left, right, rightExpression: criteria.right, type: join.joinType, flipped: false,
    ...(join.within === undefined ? {} : { within: join.within })
  }
  return right.alias === known[0]?.alias ? flipJoin(info) : info
}

export function flipJoin (join: JoinInfo): JoinInfo {
  return { ...join, left: join.right, leftExpression: join.rightExpression, right: join.left, rightExpression: join.leftExpression, flipped: true }
}

function checkOccurrences (sources: readonly AliasedSource[]): void {
  sources.forEach(({ source }, i) => {
    if (!sources.slice(0, i).some(s => s.source.name === source.name)) return
    throw new KsqlError(i > 1
      ? `N-way joins do not support multiple occurrences of the same source. Source: '${source.name}'.`
      : `Can not join '${source.name}' to '${source.name}': self joins are not yet supported.`)
  })
}

function checkReserved (item: Extract<SelectItem, { node: 'SingleColumn' }>, isPersistent: boolean): void {
  const name = item.alias?.toUpperCase() ?? ''
  if (!isSystemColumn(name)) return
  const text = printExpressionPlain(item.expression)
  if (text.slice(text.indexOf('.') + 1).toUpperCase() !== name) {
    throw new KsqlError(`\`${name}\` is a reserved column name. You cannot use it as an alias for a column.`)
  }
  if (isPersistent) throw new KsqlError(`Reserved column name in select: \`${name}\`. Please remove or alias the column.`)
}

/** EXPLODE and such in a projected expression. Throws KsqlError where they stand in wrong places. */
function tableFunctionsIn (expression: Expression, functions: FunctionRegistry, isGrouped: boolean): FunctionCall[] {
  const found = callsIn(expression).filter(call => functions.isTableFunction(call.name))
  for (const call of found) {
    const inner = call.arguments.flatMap(callsIn).find(c => functions.isTableFunction(c.name))
    if (inner !== undefined) throw new KsqlError(`Table functions cannot be nested: ${call.name}(${inner.name}())`)
    if (isGrouped) throw new KsqlError('Table functions cannot be used with aggregations.')
  }
  walk(expression, e => {
    if (e.node === 'SearchedCase' && callsIn(e).some(c => functions.isTableFunction(c.name))) {
      throw new KsqlError(`Table functions cannot be used in CASE: ${printExpressionPlain(e)}`)
    }
  })
  return found
}

function checkDistinct (expressions: readonly Expression[] | undefined, clause: string): void {
  if (expressions?.length === 0) throw new KsqlError(`${clause} requires at least one expression`)
  const seen = new Set<string>()
  for (const e of expressions ?? []) {
    if (seen.has(keyOf(e))) throw new KsqlError(`Exception while preparing statement: Duplicate ${clause} expression: ${printExpressionPlain(e)}`)
    seen.add(keyOf(e))
  }
}

function checkKafkaValues (query: Query, sources: readonly AliasedSource[]): void {
  const kafka = sources.filter(s => s.source.formats.value.format === 'KAFKA').map(s => s.alias).join(', ')
  if (kafka === '') return
  for (const [clause, used] of [['JOIN', query.joins.length > 0], ['GROUP BY', query.groupBy !== undefined]] as const) {
    if (used) throw new KsqlError(`Source(s) ${kafka} are using the 'KAFKA' value format. This format does not yet support ${clause}.\n${KAFKA_LIMITATION}`)
  }
}

function checkPseudoNames (sources: readonly AliasedSource[]): void {
  const names = sources.flatMap(({ source }) => source.schema.value.map(c => c.name)).filter(isPseudoColumn)
  if (names.length === 0) return
  throw new KsqlError('Your stream/table has columns with the same name as newly introduced pseudocolumns in ksqlDB, and cannot be queried as a result. ' +
    `The conflicting names are: ${names.map(n => `\`${n}\``).join(', ')}.\n`)
}

export type QueryKind = 'PERSISTENT' | 'PUSH' | 'PULL'

/** Analyzes a sanitized query. Throws KsqlError with ksqlDB's message. */
export function analyze (query: Query, metastore: MetaStore, functions: FunctionRegistry, kind: QueryKind): Analysis {
  const sources = sourcesOf(query, metastore)
  const [from] = sources
  if (from === undefined) throw new KsqlError('A query needs a source.')
  checkDistinct(query.groupBy?.expressions, 'GROUP BY')
  checkDistinct(query.partitionBy?.expressions, 'PARTITION BY')
  checkOccurrences(sources)
  const joins = query.joins.map((join, i) => analyzeJoin(join, sources.slice(0, i + 2)))
  let groupBy = query.groupBy?.expressions
  const isWholeGroup = groupBy === undefined &&
    query.select.some(item => item.node === 'SingleColumn' && callsIn(item.expression).some(c => functions.isAggregate(c.name)))
  if (isWholeGroup) groupBy = [WHOLE_GROUP]
  const tableFunctions: FunctionCall[] = []
  for (const item of query.select) {
    if (item.node !== 'SingleColumn') continue
    checkReserved(item, kind === 'PERSISTENT')
    tableFunctions.push(...tableFunctionsIn(item.expression, functions, groupBy !== undefined))
  }
  checkColumns(query, sources, kind === 'PULL')
  checkKafkaValues(query, sources)
  if (kind === 'PERSISTENT' && sources.some(({ source }) => source.kind === 'TABLE' && source.window !== undefined)) {
    throw new KsqlError('KSQL does not support persistent queries on windowed tables.')
  }
  checkPseudoNames(sources)
  if (tableFunctions.length > 0 && from.source.kind === 'TABLE') throw new KsqlError('Table source is not supported with table functions')
  return {
    sources, from, joins, select: query.select, isWholeGroup, isFinal: query.refinement === 'FINAL', tableFunctions,
    ...(query.where === undefined ? {} : { where: query.where }),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(query.partitionBy === undefined ? {} : { partitionBy: query.partitionBy.expressions }),
    ...(query.window === undefined ? {} : { window: query.window }),
    ...(query.having === undefined ? {} : { having: query.having }),
    ...(query.limit === undefined ? {} : { limit: query.limit })
  }
}
