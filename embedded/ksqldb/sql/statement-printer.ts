// Statements back to text, as ksqlDB's SqlFormatter writes them: what the command topic keeps and what `statementText` shows.
import type { AliasedRelation, JoinedSource, Query, SelectItem, SourceProperties, Statement, TableElement, WindowExpression, WindowTime } from './ast.js'
import { printExpression, printString } from './expression-printer.js'
import { quoteIdentifier as quote } from './keywords.js'
import { printSqlType } from './sql-type.js'

type Of<N extends Statement['node']> = Extract<Statement, { node: N }>

/** The statement's text, ending in a semicolon. It reads back as the same tree. */
export function printStatement (statement: Statement): string {
  return `${print(statement)};`
}

/** A query's text over several lines, without a semicolon. */
export function printQuery (query: Query): string {
  const lines = [printSelect(query.select), `FROM ${printRelation(query.from)}${query.joins.map(printJoin).join('')}`]
  if (query.window !== undefined) lines.push(`WINDOW${printWindow(query.window)}`)
  if (query.where !== undefined) lines.push(`WHERE ${printExpression(query.where)}`)
  if (query.groupBy !== undefined) lines.push(`GROUP BY ${printBy(query.groupBy)}`)
  if (query.partitionBy !== undefined) lines.push(`PARTITION BY ${printBy(query.partitionBy)}`)
  if (query.having !== undefined) lines.push(`HAVING ${printExpression(query.having)}`)
  if (query.refinement !== undefined) lines.push(`EMIT ${query.refinement}`)
  if (query.limit !== undefined) lines.push(`LIMIT ${query.limit}`)
  return lines.join('\n')
}

function print (s: Statement): string {
  switch (s.node) {
    case 'Query': return printQuery(s)
    case 'CreateSource': return printCreateSource(s)
    case 'CreateAsSelect':
      return `CREATE ${s.orReplace ? 'OR REPLACE ' : ''}${s.kind} ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${quote(s.name)}${withClause(s.properties)} AS ${printQuery(s.query)}`
    case 'InsertInto': return `INSERT INTO ${quote(s.target)}${withClause(s.properties)} ${printQuery(s.query)}`
    case 'InsertValues': return printInsertValues(s)
    case 'DropSource': return `DROP ${s.kind} ${s.ifExists ? 'IF EXISTS ' : ''}${quote(s.name)}${s.deleteTopic ? ' DELETE TOPIC' : ''}`
    case 'AlterSource':
      return `ALTER ${s.kind} ${quote(s.name)}\n${s.columns.map(c => `ADD COLUMN ${quote(c.name)} ${printSqlType(c.type, quote)}`).join(',\n')}`
    case 'RegisterType': return `CREATE TYPE ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${quote(s.name)} AS ${printSqlType(s.type, quote)}`
    case 'DropType': return `DROP TYPE ${s.ifExists ? 'IF EXISTS ' : ''}${quote(s.name)}`
    case 'TerminateQuery': return `TERMINATE ${printQueryId(s.queryId)}`
    case 'PauseQuery': return `PAUSE ${printQueryId(s.queryId)}`
    case 'ResumeQuery': return `RESUME ${printQueryId(s.queryId)}`
    case 'SetProperty': return `SET ${printString(s.name)}=${printString(s.value)}`
    case 'UnsetProperty': return `UNSET ${printString(s.name)}`
    case 'AlterSystemProperty': return `ALTER SYSTEM ${printString(s.name)}=${printString(s.value)}`
    case 'DefineVariable': return `DEFINE ${s.name}=${printString(s.value)}`
    case 'UndefineVariable': return `UNDEFINE ${s.name}`
    case 'Explain': return `EXPLAIN ${s.statement === undefined ? quote(s.queryId ?? '') : `\n${print(s.statement)}`}`
    case 'AssertTopic': return `ASSERT ${s.exists ? '' : 'NOT EXISTS '}TOPIC ${printString(s.topic)}${withClause(s.properties)}${printTimeout(s.timeout)}`
    case 'AssertSchema': return printAssertSchema(s)
    case 'CreateConnector':
      return `CREATE ${s.type} CONNECTOR ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${quote(s.name)} WITH (${printProperties(s.properties, printString)})`
    case 'DropConnector': return `DROP CONNECTOR ${s.ifExists ? 'IF EXISTS ' : ''}${quote(s.name)}`
    case 'RunScript': return `RUN SCRIPT ${printString(s.path)}`
    default: return printListing(s)
  }
}

function printListing (s: Statement): string {
  switch (s.node) {
    case 'ListStreams': return `SHOW STREAMS${extended(s)}`
    case 'ListTables': return `SHOW TABLES${extended(s)}`
    case 'ListQueries': return `SHOW QUERIES${extended(s)}`
    case 'ListTopics': return `SHOW ${s.all ? 'ALL ' : ''}TOPICS${extended(s)}`
    case 'ListFunctions': return 'SHOW FUNCTIONS'
    case 'ListProperties': return 'SHOW PROPERTIES'
    case 'ListTypes': return 'SHOW TYPES'
    case 'ListVariables': return 'SHOW VARIABLES'
    case 'ListConnectorPlugins': return 'SHOW CONNECTOR PLUGINS'
    case 'ListConnectors': return `SHOW ${s.scope === 'ALL' ? '' : `${s.scope} `}CONNECTORS`
    case 'ShowColumns': return `DESCRIBE ${s.source === 'TABLES' ? '`TABLES`' : quote(s.source)}${extended(s)}`
    case 'DescribeStreams': return `DESCRIBE STREAMS${extended(s)}`
    case 'DescribeTables': return `DESCRIBE TABLES${extended(s)}`
    case 'DescribeFunction': return `DESCRIBE FUNCTION ${s.name}`
    case 'DescribeConnector': return `DESCRIBE CONNECTOR ${quote(s.name)}`
    case 'PrintTopic': return printPrint(s)
    default: throw new TypeError(`not a listing: ${s.node}`)
  }
}

function printCreateSource (s: Of<'CreateSource'>): string {
  const elements = s.elements.length === 0 ? '' : ` (${s.elements.map(printElement).join(', ')})`
  const head = `CREATE ${s.orReplace ? 'OR REPLACE ' : ''}${s.isSource ? 'SOURCE ' : ''}${s.kind} ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}`
  return `${head}${quote(s.name)}${elements}${withClause(s.properties)}`
}

function printElement (e: TableElement): string {
  const constraint = e.constraint === 'NONE' ? '' : e.headerKey === undefined ? ` ${e.constraint}` : ` HEADER(${printString(e.headerKey)})`
  return `${quote(e.name)} ${printSqlType(e.type, quote)}${constraint}`
}

function printInsertValues (s: Of<'InsertValues'>): string {
  const columns = s.columns.length === 0 ? '' : `(${s.columns.map(quote).join(', ')}) `
  return `INSERT INTO ${quote(s.target)} ${columns}VALUES (${s.values.map(value => printExpression(value)).join(', ')})`
}

function printPrint (s: Of<'PrintTopic'>): string {
  const interval = s.interval === undefined ? '' : ` INTERVAL ${s.interval}`
  return `PRINT ${printString(s.topic)}${s.fromBeginning ? ' FROM BEGINNING' : ''}${interval}${s.limit === undefined ? '' : ` LIMIT ${s.limit}`}`
}

function printAssertSchema (s: Of<'AssertSchema'>): string {
  const subject = s.subject === undefined ? '' : ` SUBJECT ${printString(s.subject)}`
  return `ASSERT ${s.exists ? '' : 'NOT EXISTS '}SCHEMA${subject}${s.id === undefined ? '' : ` ID ${s.id}`}${printTimeout(s.timeout)}`
}

function printSelect (items: readonly SelectItem[]): string {
  const texts = items.map(printSelectItem)
  return texts.length === 1 ? `SELECT ${texts[0] ?? ''}` : `SELECT\n  ${texts.join(',\n  ')}`
}

function printSelectItem (item: SelectItem): string {
  switch (item.node) {
    case 'AllColumns': return item.source === undefined ? '*' : `${quote(item.source)}.*`
    case 'StructAll': return `${printExpression(item.baseStruct)}->*`
    case 'SingleColumn': return item.alias === undefined ? printExpression(item.expression) : `${printExpression(item.expression)} ${quote(item.alias)}`
  }
}

function printRelation (relation: AliasedRelation): string {
  return `${quote(relation.relation)} ${quote(relation.alias)}`
}

function printJoin (join: JoinedSource): string {
  const type = join.joinType === 'OUTER' ? 'FULL OUTER' : join.joinType === 'INNER' ? 'INNER' : `${join.joinType} OUTER`
  return `\n${type} JOIN ${printRelation(join.relation)}${printWithin(join)} ON (${printExpression(join.criteria)})`
}

function printWithin ({ within }: JoinedSource): string {
  if (within === undefined) return ''
  const size = within.separate ? `(${time(within.before)}, ${time(within.after)})` : time(within.before)
  return ` WITHIN ${size}${within.gracePeriod === undefined ? '' : ` GRACE PERIOD ${time(within.gracePeriod)}`}`
}

function printWindow (w: WindowExpression): string {
  const size = w.windowType === 'SESSION' ? time(w.size) : `SIZE ${time(w.size)}`
  const advance = w.advanceBy === undefined ? '' : ` , ADVANCE BY ${time(w.advanceBy)}`
  const retention = w.retention === undefined ? '' : ` , RETENTION ${time(w.retention)}`
  const grace = w.gracePeriod === undefined ? '' : ` , GRACE PERIOD ${time(w.gracePeriod)}`
  return ` ${w.windowType} ( ${size}${advance}${retention}${grace} ) `
}

function printBy (by: NonNullable<Query['groupBy']>): string {
  return by.expressions.length === 0 ? '()' : by.expressions.map(e => printExpression(e)).join(', ')
}

/** ` WITH (A='1', B=2)` in the order of the names; nothing where there are none. */
function withClause (properties: SourceProperties): string {
  return properties.size === 0 ? '' : ` WITH (${printProperties(properties, name => name)})`
}

function printProperties (properties: SourceProperties, printName: (name: string) => string): string {
  return [...properties].sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => `${printName(name)}=${printExpression(value)}`).join(', ')
}

function printQueryId (queryId: string | undefined): string {
  return queryId === undefined ? 'ALL' : quote(queryId)
}

function printTimeout (timeout: WindowTime | undefined): string {
  return timeout === undefined ? '' : ` TIMEOUT ${time(timeout)}`
}

function time ({ value, unit }: WindowTime): string {
  return `${value} ${unit}`
}

function extended (s: { readonly extended: boolean }): string {
  return s.extended ? ' EXTENDED' : ''
}
