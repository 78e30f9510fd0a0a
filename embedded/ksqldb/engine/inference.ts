// Columns from the registry for a CREATE that names none: the schema of <topic>-key and <topic>-value (SchemaRegistryTopicSchemaSupplier).
import type { RegisteredSchema, SchemaRegistry, SchemaType } from '../../schema-registry.js'
import type { DataSource } from '../plan/metastore.js'
import { printSchema, type Column } from '../plan/schema.js'
import { referencedTexts, sqlSchemaFromAvro, sqlSchemaFromJson, sqlSchemaFromProto } from '../runtime/serde/index.js'
import type { SourceProperties, Statement, TableElement } from '../sql/ast.js'
import { sqlTypeEquals } from '../sql/sql-type.js'
import { EngineError } from './errors.js'
import { integerOf, stringLiteral, textOf, withProperties } from './literals.js'

type CreateSource = Extract<Statement, { node: 'CreateSource' }>
type CreateAsSelect = Extract<Statement, { node: 'CreateAsSelect' }>

const SCHEMA_TYPES: Readonly<Record<string, SchemaType | undefined>> = {
  AVRO: 'AVRO', JSON_SR: 'JSON', PROTOBUF: 'PROTOBUF', PROTOBUF_NOSR: undefined, JSON: undefined, KAFKA: undefined, DELIMITED: undefined, NONE: undefined
}

/** True for a format whose schemas stand in the registry. */
export function hasRegistrySchema (format: string): boolean {
  return SCHEMA_TYPES[format.toUpperCase()] !== undefined
}

/**
 * The statement with the columns that it leaves to the registry. `text` is the statement as shown in errors. Formats must stand in the statement.
 * Throws EngineError in the words of ksqlDB: no such subject, another format, no usable column.
 */
export async function inferColumns (statement: CreateSource, registry: SchemaRegistry, text: string): Promise<CreateSource> {
  const key = await infer(statement, registry, text, true)
  const value = await infer(statement, registry, text, false)
  if (key.length === 0 && value.length === 0) return statement
  const keys = statement.elements.filter(isKey)
  const rest = statement.elements.filter(element => !isKey(element))
  return { ...statement, elements: [...key, ...keys, ...value, ...rest] }
}

function isKey (element: TableElement): boolean {
  return element.constraint === 'KEY' || element.constraint === 'PRIMARY KEY'
}

async function infer (statement: CreateSource, registry: SchemaRegistry, text: string, forKey: boolean): Promise<TableElement[]> {
  const part = forKey ? 'KEY' : 'VALUE'
  const format = (textOf(statement.properties, `${part}_FORMAT`) ?? textOf(statement.properties, 'FORMAT') ?? '').toUpperCase()
  if (!(format in SCHEMA_TYPES)) throw new EngineError(`Unknown format: ${format}`, text)
  const schemaId = integerOf(statement.properties, `${part}_SCHEMA_ID`)
  const named = statement.elements.some(element => element.constraint !== 'HEADERS' && isKey(element) === forKey)
  if (schemaId !== undefined) {
    if (!hasRegistrySchema(format)) {
      throw new EngineError(`${part}_FORMAT should support schema inference when ${part}_SCHEMA_ID is provided. Current format is ${format}.`, text)
    }
    if (named) throw new EngineError(`Table elements and ${part}_SCHEMA_ID cannot both exist for create statement.`, text)
  } else if (named || !hasRegistrySchema(format)) return []
  const columns = await columnsOf(statement, registry, format, { forKey, schemaId, text })
  const keyConstraint = statement.kind === 'TABLE' ? 'PRIMARY KEY' : 'KEY'
  return columns.map(column => ({ name: column.name, type: column.type, constraint: forKey ? keyConstraint : 'NONE' }))
}

/**
 * Refuses a CREATE … AS SELECT with KEY_SCHEMA_ID or VALUE_SCHEMA_ID whose columns are not those that the schema begins with
 * (DefaultSchemaInjector.checkColumnsCompatibility). Throws EngineError.
 */
export async function refuseOtherSchema (statement: CreateAsSelect, sink: DataSource, registry: SchemaRegistry, text: string): Promise<void> {
  for (const part of ['key', 'value'] as const) {
    const schemaId = integerOf(statement.properties, `${part.toUpperCase()}_SCHEMA_ID`)
    if (schemaId === undefined) continue
    const wanted = { forKey: part === 'key', schemaId, text }
    const columns = await columnsOf({ ...statement, properties: withTopic(statement, sink) }, registry, sink.formats[part].format, wanted)
    const changed = sink.schema[part].filter(({ name, type }, i) => columns[i]?.name !== name || !sqlTypeEquals(columns[i].type, type))
    if (changed.length > 0) {
      throw new EngineError(`The following ${part} columns are changed, missing or reordered: [${listed(changed)}]. ` +
        `Schema from schema registry is [${listed(columns)}]`, text)
    }
  }
}

function withTopic (statement: CreateAsSelect, sink: DataSource): SourceProperties {
  return withProperties(statement.properties, { KAFKA_TOPIC: stringLiteral(sink.topic) })
}

function listed (columns: readonly Column[]): string {
  return printSchema({ key: [], value: columns })
}

interface Wanted { readonly forKey: boolean, readonly schemaId: number | undefined, readonly text: string }

async function columnsOf (statement: Pick<CreateSource, 'properties'>, registry: SchemaRegistry, format: string, wanted: Wanted): Promise<readonly Column[]> {
  const { forKey, schemaId, text } = wanted
  const topic = textOf(statement.properties, 'KAFKA_TOPIC') ?? ''
  const subject = `${topic}-${forKey ? 'key' : 'value'}`
  const schema = await (schemaId === undefined ? registry.latest(subject) : registry.byId(schemaId))
  if (schema === undefined) throw new EngineError(notFound(topic, subject, wanted), text)
  const source = schemaId === undefined ? `topic: ${topic}` : `topic: ${topic}, schema id: ${schemaId}`
  const expected = SCHEMA_TYPES[format]
  if (schema.schemaType !== expected) {
    throw new EngineError(`${forKey ? 'Key' : 'Value'} schema is not in the expected format. You may want to set ${forKey ? 'KEY' : 'VALUE'}_FORMAT to ` +
      `'${schema.schemaType}'.\n${source}\nexpected format: ${expected}\nactual format from Schema Registry: ${schema.schemaType}`, text)
  }
  const unwrapped = forKey || statement.properties.get('WRAP_SINGLE_VALUE')?.node === 'BooleanLiteral'
    ? forKey || isFalse(statement, 'WRAP_SINGLE_VALUE')
    : false
  try {
    const fullName = textOf(statement.properties, `${forKey ? 'KEY' : 'VALUE'}_SCHEMA_FULL_NAME`)
    const references = await referencedTexts(registry, schema.references)
    return toColumns(schema, { forKey, unwrapped, keepCase: schemaId !== undefined, fullName, references })
  } catch (error) {
    throw new EngineError(`Unable to verify if the ${forKey ? 'key' : 'value'} schema for ${source} is compatible with ksqlDB.\nReason: ${
      error instanceof Error ? error.message : String(error)}\n\nPlease see https://github.com/confluentinc/ksql/issues/ to see if this particular reason ` +
      `is already known.\nIf not, please log a new issue, including this full error message.\nSchema:${schema.schema}`, text)
  }
}

interface Reading {
  readonly forKey: boolean
  readonly unwrapped: boolean
  readonly keepCase: boolean
  /** Which of a schema's messages. */
  readonly fullName: string | undefined
  /** The texts that the schema refers to. */
  readonly references: readonly string[]
}

function toColumns (schema: Pick<RegisteredSchema, 'schema' | 'schemaType'>, { forKey, unwrapped, keepCase, fullName, references }: Reading): readonly Column[] {
  const options = { unwrapped, keepCase, references, unwrappedName: forKey ? 'ROWKEY' : 'ROWVAL' }
  switch (schema.schemaType) {
    case 'AVRO': return sqlSchemaFromAvro(schema.schema, options)
    case 'JSON': return sqlSchemaFromJson(schema.schema, options)
    case 'PROTOBUF': return sqlSchemaFromProto(schema.schema, { keepCase, references, ...(fullName !== undefined && { fullName }) })
  }
}

function isFalse (statement: Pick<CreateSource, 'properties'>, name: string): boolean {
  const literal = statement.properties.get(name)
  return literal?.node === 'BooleanLiteral' && !literal.value
}

function notFound (topic: string, subject: string, { forKey, schemaId }: Wanted): string {
  return `Schema for message ${forKey ? 'keys' : 'values'} on topic '${topic}' does not exist in the Schema Registry.\nSubject: ${subject}\n${
    schemaId === undefined ? '' : `Schema Id: ${schemaId}\n`}Possible causes include:
- The topic itself does not exist
\t-> Use SHOW TOPICS; to check
- Messages on the topic are not serialized using a format Schema Registry supports
\t-> Use PRINT '${topic}' FROM BEGINNING; to verify
- Messages on the topic have not been serialized using a Confluent Schema Registry supported serializer
\t-> See https://docs.confluent.io/current/schema-registry/docs/serializer-formatter.html
- The schema is registered on a different instance of the Schema Registry
\t-> Use the REST API to list available subjects\thttps://docs.confluent.io/current/schema-registry/docs/api.html#get--subjects
- You do not have permissions to access the Schema Registry.
\t-> See https://docs.confluent.io/current/schema-registry/docs/security.html`
}
