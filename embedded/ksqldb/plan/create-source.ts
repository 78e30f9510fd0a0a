// CREATE STREAM and CREATE TABLE over a topic: from the statement to what the metastore keeps (ksqlDB's CreateSourceFactory).
import type { Statement, TableElement } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { BYTES, STRING, array, printSqlType, sqlTypeEquals, struct } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import { checkDuplicates, isSystemColumn } from './logical-schema.js'
import type { DataSource, MetaStore } from './metastore.js'
import type { Column, LogicalSchema } from './schema.js'
import { checkFormats, formatName, keyFeatures, valueFeatures } from './serde-formats.js'
import type { FormatName, Formats, TimestampColumn } from './steps.js'
import { locationPrefix } from './tree.js'
import { WithClause } from './with-clause.js'

type CreateSource = Extract<Statement, { node: 'CreateSource' }>

/** What the WITH clause asks of a topic; what is absent is for the engine's defaults to say. */
export interface TopicOptions {
  readonly name: string
  /** Absent: as `inheritFrom` has, or the engine's default. */
  readonly partitions?: number
  readonly replicas?: number
  readonly retentionMs?: number
  readonly cleanupPolicy: 'delete' | 'compact' | 'compact,delete'
  /** The source topic whose partitions, replicas and retention a new sink topic takes. */
  readonly inheritFrom?: string
}

export interface CreatedSource { readonly source: DataSource, readonly topic: TopicOptions }

const HEADERS_TYPE: SqlType = array(struct([{ name: 'KEY', type: STRING }, { name: 'VALUE', type: BYTES }]))

function checkHeader (element: TableElement): void {
  const expected = element.headerKey === undefined ? HEADERS_TYPE : BYTES
  if (sqlTypeEquals(element.type, expected)) return
  throw new KsqlError(`Failed to prepare statement: Invalid type for ${element.headerKey === undefined ? 'HEADERS' : `HEADER('${element.headerKey}')`} column: ` +
    `expected ${printSqlType(expected)}, got ${printSqlType(element.type)}`)
}

function checkConstraint (element: TableElement, kind: 'STREAM' | 'TABLE'): void {
  const wrong = kind === 'TABLE' ? 'KEY' : 'PRIMARY KEY'
  if (element.constraint !== wrong) return
  throw new KsqlError(`Failed to prepare statement: ${locationPrefix(element)}Column \`${element.name}\` is a '${wrong}' column: ` +
    `please use '${kind === 'TABLE' ? 'PRIMARY KEY' : 'KEY'}' for ${kind === 'TABLE' ? 'tables' : 'streams'}.`)
}

function checkHeaders (columns: readonly Column[]): void {
  const seen = new Set<string>()
  for (const { headerKey } of columns) {
    if (headerKey === undefined) continue
    if (seen.has('')) throw new KsqlError('Schema already contains a HEADERS column.')
    if (seen.has(headerKey)) throw new KsqlError(`Schema already contains a HEADER('${headerKey}') column.`)
    seen.add(headerKey)
  }
}

/** The schema that the elements declare. Throws KsqlError. */
export function schemaOf (elements: readonly TableElement[], kind: 'STREAM' | 'TABLE'): LogicalSchema {
  const key: Column[] = []
  const value: Column[] = []
  for (const element of elements) {
    checkConstraint(element, kind)
    if (isSystemColumn(element.name)) throw new KsqlError(`'${element.name}' is a reserved column name. You cannot use it as a name for a column.`)
    if (element.constraint === 'HEADERS') {
      checkHeader(element)
      value.push({ name: element.name, type: element.type, headerKey: element.headerKey ?? '' })
    } else {
      (element.constraint === 'NONE' ? value : key).push({ name: element.name, type: element.type })
    }
  }
  const schema = { key, value }
  checkDuplicates(schema)
  checkHeaders(value)
  return schema
}

function defaultFormat (part: 'key' | 'value', properties: Readonly<Record<string, string>>): FormatName {
  const configured = properties[`ksql.persistence.default.format.${part}`]
  if (configured !== undefined) return formatName(configured)
  if (part === 'key') return 'KAFKA'
  throw new KsqlError("Statement is missing the 'VALUE_FORMAT' property from the WITH clause. " +
    "Either provide one or set a default via the 'ksql.persistence.default.format.value' config.")
}

/** Whether single values are wrapped where nothing is said: the server's ksql.persistence.wrap.single.values, by default true. */
export function wrapsByDefault (properties: Readonly<Record<string, string>>): boolean | undefined {
  const text = properties['ksql.persistence.wrap.single.values']
  return text === undefined || text === '' ? undefined : text.toLowerCase() === 'true'
}

/** Throws KsqlError where a format is unknown, or is given a property that says nothing to it. */
function checkFormatNames (statement: CreateSource, clause: WithClause): void {
  if (clause.keyFormat !== undefined) clause.keyProperties(clause.keyFormat, statement.name)
  if (clause.valueFormat !== undefined) clause.valueProperties(clause.valueFormat)
}

function formatsOf (statement: CreateSource, schema: LogicalSchema, clause: WithClause, properties: Readonly<Record<string, string>>): Formats {
  const key = clause.keyFormat ?? defaultFormat('key', properties)
  const value = clause.valueFormat ?? defaultFormat('value', properties)
  const formats: Formats = {
    key: { format: key, properties: clause.keyProperties(key, statement.name), features: keyFeatures(key, schema.key.length) },
    value: {
      format: value, properties: clause.valueProperties(value),
      features: valueFeatures(value, schema.value.length, clause.wrapSingleValue, wrapsByDefault(properties))
    }
  }
  checkFormats(schema, formats)
  return formats
}

/** Throws KsqlError where the WITH clause's TIMESTAMP column cannot give record timestamps. */
export function checkTimestampColumn (timestamp: TimestampColumn | undefined, schema: LogicalSchema): void {
  if (timestamp === undefined) return
  const column = [...schema.key, ...schema.value].find(c => c.name === timestamp.column)
  if (column === undefined) throw new KsqlError(`The TIMESTAMP column set in the WITH clause does not exist in the schema: '${timestamp.column}'`)
  const { base } = column.type
  if (base === 'STRING') {
    if (timestamp.format === undefined) throw new KsqlError('A String timestamp field has been specified without also specifying the timestamp_format')
    return
  }
  if (timestamp.format !== undefined) {
    throw new KsqlError("'TIMESTAMP_FORMAT' set in the WITH clause can only be used when the timestamp column is of type STRING.")
  }
  if (base !== 'BIGINT' && base !== 'TIMESTAMP') {
    throw new KsqlError(`Timestamp column, \`${column.name}\`, should be LONG(INT64), TIMESTAMP, or a String with a timestamp_format specified.`)
  }
}

/** Throws KsqlError where the name is taken, unless the statement may replace. */
export function checkNameIsFree (
  kind: 'STREAM' | 'TABLE', name: string, existing: DataSource | undefined, flags: { readonly orReplace: boolean, readonly ifNotExists: boolean }
): void {
  if (existing === undefined || flags.orReplace || flags.ifNotExists) return
  throw new KsqlError(`Cannot add ${kind.toLowerCase()} '${name}': A ${existing.kind.toLowerCase()} with the same name already exists`)
}

function cleanupPolicy (statement: CreateSource, clause: WithClause): TopicOptions['cleanupPolicy'] {
  const policy = clause.cleanupPolicy?.toLowerCase()
  if (policy === 'compact' || policy === 'delete' || policy === 'compact,delete') return policy
  if (policy !== undefined) throw new KsqlError(`Invalid cleanup policy: ${policy}`)
  return statement.kind === 'STREAM' ? 'delete' : clause.window === undefined ? 'compact' : 'compact,delete'
}

export function topicOptions (name: string, clause: WithClause, policy: TopicOptions['cleanupPolicy']): TopicOptions {
  const { partitions, replicas, retentionMs } = clause
  return {
    name, cleanupPolicy: policy,
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(retentionMs === undefined ? {} : { retentionMs })
  }
}

/**
 * The source that a CREATE STREAM or TABLE declares. Columns inferred from a registry must already stand in the statement.
 * `sqlText` is kept in the source. Throws KsqlError.
 */
export function createSource (
  statement: CreateSource, metastore: MetaStore, options: { readonly properties: Readonly<Record<string, string>>, readonly sqlText: string }
): CreatedSource {
  const { kind, name } = statement
  const clause = new WithClause(statement.properties, 'CREATE')
  checkFormatNames(statement, clause)
  if (statement.elements.length === 0) throw new KsqlError('No columns supplied.')
  const schema = schemaOf(statement.elements, kind)
  if (clause.window !== undefined && schema.key.length === 0) throw new KsqlError('Windowed sources require a key column.')
  checkNameIsFree(kind, name, metastore.source(name), statement)
  if (kind === 'TABLE' && schema.key.length === 0) throw noPrimaryKey(name, clause)
  if (statement.orReplace && (statement.isSource || metastore.source(name)?.isSource === true)) {
    throw new KsqlError(`Cannot add ${kind.toLowerCase()} '${name}': CREATE OR REPLACE is not supported on source ${kind.toLowerCase()}s.`)
  }
  const { timestampColumn, window } = clause
  checkTimestampColumn(timestampColumn, schema)
  const topic = clause.kafkaTopic ?? name
  const source: DataSource = {
    kind, name, schema, topic, formats: formatsOf(statement, schema, clause, options.properties),
    ...(window === undefined ? {} : { window }),
    ...(timestampColumn === undefined ? {} : { timestampColumn }),
    isSource: statement.isSource, isCasTarget: false, sqlText: options.sqlText
  }
  return { source, topic: topicOptions(topic, clause, cleanupPolicy(statement, clause)) }
}

function noPrimaryKey (name: string, clause: WithClause): KsqlError {
  const hint = clause.valueSchemaId === undefined
    ? ''
    : '\nUse a partial schema to define the primary key and still load the value columns from the Schema Registry, for example:\n' +
      `\tCREATE TABLE ${name} (ID INT PRIMARY KEY) WITH (...);`
  return new KsqlError(`Tables require a PRIMARY KEY. Please define the PRIMARY KEY.${hint}`)
}
