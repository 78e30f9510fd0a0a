// Pull queries: what of a source's state to read, and what to answer of each row (ksqlDB's PullQueryValidator and QueryProjectNode).
import type { Expression, Query, SelectItem } from '../sql/ast.js'
import type { Analysis } from './analysis.js'
import { analyze } from './analysis.js'
import { compileExpression, compilePredicate } from './compile.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { PSEUDO_COLUMNS, hasColumn, isWindowBound, withPseudoAndKey } from './logical-schema.js'
import type { MetaStore } from './metastore.js'
import { projectionSchema, selectExpressions, unqualify } from './project-node.js'
import { LookupExtractor, PULL_QUERY_HELP, invalidWhere } from './pull-lookup.js'
import type { PullPlan } from './pull-plan.js'
import { checkFilter, rewriteMagicTimestamps } from './filter.js'
import { sanitizeQuery } from './sanitize.js'
import { SourceNode } from './source-nodes.js'
import type { SelectExpression } from './steps.js'
import { columnsIn } from './tree.js'

function disallowed (expressions: readonly Expression[], clause: string): string | undefined {
  const names = expressions.flatMap(columnsIn).map(c => c.name).filter(name => name === 'ROWPARTITION' || name === 'ROWOFFSET')
  return names.length === 0 ? undefined : `Pull queries don't support the following columns in ${clause} clauses: ${names.map(n => `\`${n}\``).join(', ')}\n`
}

function validate (query: Query, analysis: Analysis): void {
  const refused = (clause: string): string => `Pull queries don't support ${clause} clauses.`
  const selected = query.select.flatMap(item => item.node === 'SingleColumn' ? [item.expression] : [])
  const problem = analysis.joins.length > 0
    ? refused('JOIN')
    : analysis.window !== undefined
      ? refused('WINDOW')
      : analysis.groupBy !== undefined
        ? refused('GROUP BY')
        : analysis.partitionBy !== undefined
          ? refused('PARTITION BY')
          : analysis.having !== undefined
            ? refused('HAVING')
            : (query.limit ?? 0) < 0
                ? "Pull queries don't support negative integers in the LIMIT clause."
                : disallowed(selected, 'SELECT') ?? disallowed(query.where === undefined ? [] : [query.where], 'WHERE')
  if (problem !== undefined) throw new KsqlError(problem + PULL_QUERY_HELP)
}

function notQueryable (name: string): KsqlError {
  return new KsqlError(`The \`${name}\` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_${name} AS SELECT * FROM ${name}'.${PULL_QUERY_HELP}`)
}

function unqualified (item: SelectItem): SelectItem {
  const column = (_: string, name: string): string => name
  if (item.node === 'AllColumns') return item
  return item.node === 'StructAll' ? { ...item, baseStruct: unqualify(item.baseStruct, column) } : { ...item, expression: unqualify(item.expression, column) }
}

function selectsOf (source: SourceNode, items: readonly SelectItem[], functions: FunctionRegistry): SelectExpression[] {
  if (source.kind === 'TABLE' && items.length > 1 && items.some(item => item.node === 'AllColumns')) {
    throw new KsqlError('Pull queries only support wildcards in the projects if they are the only expression')
  }
  return selectExpressions(source, items, undefined, functions)
}

/** A pull query: SELECT without EMIT. Light enough to be asked thousands of times a second. Throws KsqlError with ksqlDB's message. */
export function planPullQuery (
  query: Query, metastore: MetaStore, options: { readonly functions: FunctionRegistry, readonly properties?: Readonly<Record<string, string>> }
): PullPlan {
  const { functions, properties = {} } = options
  const allows = (what: string): boolean => String(properties[`ksql.query.pull.${what}.enabled`] ?? 'true').toLowerCase() === 'true'
  const sanitized = sanitizeQuery(query, metastore)
  const analysis = analyze(sanitized, metastore, functions, 'PULL')
  if (query.limit !== undefined && !allows('limit.clause')) {
    throw new KsqlError(`LIMIT clause in pull queries is currently disabled. You can enable them by setting ksql.query.pull.limit.clause.enabled=true.${PULL_QUERY_HELP}`)
  }
  validate(sanitized, analysis)
  const { source, alias } = analysis.from
  if (source.kind === 'TABLE' && !source.isCasTarget && !source.isSource) throw notQueryable(source.name)
  const node = new SourceNode('KsqlTopic', source, alias)
  const pseudo = source.kind === 'TABLE' ? PSEUDO_COLUMNS.slice(0, 1) : PSEUDO_COLUMNS
  const { value: rowColumns } = withPseudoAndKey(source.schema, source.window !== undefined, pseudo)
  const context = { functions, interpreted: source.kind === 'TABLE' }
  const where = sanitized.where === undefined ? undefined : unqualify(sanitized.where, (_, name) => name)
  if (where !== undefined) checkFilter(where, node.schema, functions, 'WHERE')
  const rewritten = where === undefined ? undefined : rewriteMagicTimestamps(where)
  const scans = { table: allows('table.scan'), range: allows('range.scan') }
  if (rewritten === undefined && source.kind === 'TABLE' && !scans.table) throw invalidWhere('Missing WHERE clause', source.window !== undefined)
  const found = rewritten === undefined || source.kind === 'STREAM'
    ? { lookup: { kind: 'scan' } as const, isExact: false }
    : new LookupExtractor(source, functions, scans).extract(rewritten)
  const { isExact, ...reading } = found
  const items = sanitized.select.map(unqualified)
  const selects = selectsOf(node, items, functions)
  const isKey = (name: string): boolean => source.kind === 'TABLE' && (hasColumn(source.schema.key, name) || isWindowBound(name))
  const { columns } = projectionSchema({ key: [], value: node.schema.value }, selects, functions)
  return {
    source,
    ...reading,
    rowColumns,
    ...(rewritten === undefined || isExact ? {} : { filter: compilePredicate(rewritten, rowColumns, context) }),
    columns: columns.map(c => ({ ...c, isKey: isKey(c.name) })),
    selects: selects.map(s => compileExpression(s.expression, rowColumns, context).evaluate),
    ...(query.limit === undefined ? {} : { limit: query.limit })
  }
}
