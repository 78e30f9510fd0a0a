// The WITH clause of CREATE statements, read and checked (CreateSourceProperties, CreateSourceAsProperties, CommonCreateConfigs).
import type { Literal, SourceProperties } from '../sql/ast.js'
import { parseColumnName } from '../sql/parser.js'
import { KsqlError } from './error.js'
import { checkFormatProperties, formatName, supportsInference } from './serde-formats.js'
import type { FormatName, TimestampColumn, WindowInfo } from './steps.js'

const COMMON = ['KAFKA_TOPIC', 'PARTITIONS', 'REPLICAS', 'RETENTION_MS', 'CLEANUP_POLICY', 'VALUE_FORMAT', 'KEY_FORMAT', 'FORMAT', 'TIMESTAMP', 'TIMESTAMP_FORMAT',
  'WRAP_SINGLE_VALUE', 'KEY_PROTOBUF_NULLABLE_REPRESENTATION', 'VALUE_PROTOBUF_NULLABLE_REPRESENTATION', 'VALUE_AVRO_SCHEMA_FULL_NAME', 'KEY_SCHEMA_FULL_NAME',
  'VALUE_SCHEMA_FULL_NAME', 'KEY_DELIMITER', 'VALUE_DELIMITER', 'KEY_SCHEMA_ID', 'VALUE_SCHEMA_ID']
const CREATE_ONLY = ['WINDOW_TYPE', 'WINDOW_SIZE', 'SOURCED_BY_CONNECTOR']
const UNITS_MS: Readonly<Record<string, number>> = {
  NANOSECONDS: 1e-6, MICROSECONDS: 1e-3, MILLISECONDS: 1, SECONDS: 1000, MINUTES: 60_000, HOURS: 3_600_000, DAYS: 86_400_000
}

export type WithClauseKind = 'CREATE' | 'CREATE AS' | 'INSERT'

function invalid (name: string, reason: string): KsqlError {
  return new KsqlError(`Failed to prepare statement: Configuration ${name} is invalid: ${reason}`)
}

function checkDelimiter (name: string, value: string | undefined): void {
  if (value === undefined) return
  if (value.trim() === '') {
    throw invalid(name, 'Delimiter cannot be empty, if you meant to have a tab or space for delimiter, please use the special values ' +
      "'TAB' or 'SPACE'\nExample valid value: ';'")
  }
  if (value.length > 1 && value !== 'TAB' && value !== 'SPACE') {
    throw invalid(name, `Invalid delimiter value: '${value}'. Delimiter must be a single character or TAB,SPACE\nExample valid value: ';'`)
  }
}

/** ms of '10 SECONDS'. Throws KsqlError. */
function parseDuration (text: string): number {
  const parts = text.split(/\s/)
  const fail = (reason: string): KsqlError => invalid('WINDOW_SIZE', `Invalid duration: '${text}'. ${reason}\nExample valid value: '10 SECONDS'`)
  if (parts.length !== 2) throw fail(`Expected 2 tokens, got: ${parts.length}`)
  const [size, unit] = parts as [string, string]
  if (!/^\d+$/.test(size)) throw fail(`Not numeric: '${size}'`)
  const name = unit.toUpperCase()
  const factor = UNITS_MS[name.endsWith('S') ? name : `${name}S`]
  if (factor === undefined) throw fail(`Unknown time unit: '${name}'\nSupported time units are: ${Object.keys(UNITS_MS).join(', ')}`)
  return Math.floor(Number(size) * factor)
}

/** A WITH clause by the meaning of its properties. */
export class WithClause {
  readonly #literals: SourceProperties

  /** Throws KsqlError: unknown properties, values of the wrong type, properties that exclude each other. */
  constructor (properties: SourceProperties, kind: WithClauseKind) {
    this.#literals = properties
    const known = kind === 'INSERT' ? ['QUERY_ID'] : kind === 'CREATE' ? [...COMMON, ...CREATE_ONLY] : COMMON
    for (const name of properties.keys()) {
      if (!known.includes(name)) throw new KsqlError(`Failed to prepare statement: Invalid config variable(s) in the WITH clause: ${name}`)
    }
    if (kind === 'CREATE' && this.kafkaTopic === undefined) {
      throw new KsqlError('Failed to prepare statement: Missing required property "KAFKA_TOPIC" which has no default value.')
    }
    for (const part of ['KEY', 'VALUE'] as const) {
      if (properties.has('FORMAT') && properties.has(`${part}_FORMAT`)) {
        throw new KsqlError(`Failed to prepare statement: Cannot supply both '${part}_FORMAT' and 'FORMAT' properties, as 'FORMAT' sets both key and value formats. ` +
          "Either use just 'FORMAT', or use 'KEY_FORMAT' and 'VALUE_FORMAT'.")
      }
    }
    checkDelimiter('KEY_DELIMITER', this.#text('KEY_DELIMITER'))
    checkDelimiter('VALUE_DELIMITER', this.#text('VALUE_DELIMITER'))
    for (const name of ['PARTITIONS', 'REPLICAS', 'RETENTION_MS', 'KEY_SCHEMA_ID', 'VALUE_SCHEMA_ID']) this.#number(name)
    if (kind === 'CREATE') this.#checkWindow()
  }

  get kafkaTopic (): string | undefined { return this.#text('KAFKA_TOPIC') }
  get partitions (): number | undefined { return this.#number('PARTITIONS') }
  get replicas (): number | undefined { return this.#number('REPLICAS') }
  /** ms; -1 for ever. */
  get retentionMs (): number | undefined { return this.#number('RETENTION_MS') }
  get cleanupPolicy (): string | undefined { return this.#text('CLEANUP_POLICY') }
  get queryId (): string | undefined { return this.#text('QUERY_ID') }
  get keySchemaId (): number | undefined { return this.#number('KEY_SCHEMA_ID') }
  get valueSchemaId (): number | undefined { return this.#number('VALUE_SCHEMA_ID') }

  /** Throws KsqlError: unknown format. */
  get keyFormat (): FormatName | undefined { return this.#format('KEY_FORMAT') }
  get valueFormat (): FormatName | undefined { return this.#format('VALUE_FORMAT') }

  get wrapSingleValue (): boolean | undefined {
    const literal = this.#literals.get('WRAP_SINGLE_VALUE')
    if (literal === undefined) return undefined
    const value = literal.node === 'BooleanLiteral' ? literal.value : String(valueOf(literal)).toLowerCase()
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw new KsqlError(`Failed to prepare statement: Invalid value ${String(valueOf(literal))} for property WRAP_SINGLE_VALUE: Expected value to be either true or false`)
  }

  get timestampColumn (): TimestampColumn | undefined {
    const text = this.#text('TIMESTAMP')
    if (text === undefined) return undefined
    const format = this.#text('TIMESTAMP_FORMAT')
    return { column: parseColumnName(text), ...(format === undefined ? {} : { format }) }
  }

  get window (): WindowInfo | undefined {
    const text = this.#text('WINDOW_TYPE')
    if (text === undefined) return undefined
    const type = text.toUpperCase()
    if (type !== 'TUMBLING' && type !== 'HOPPING' && type !== 'SESSION') {
      throw invalid('WINDOW_TYPE', `String must be one of: SESSION, HOPPING, TUMBLING, null, was ${text}`)
    }
    const size = this.#text('WINDOW_SIZE')
    return { type, ...(size === undefined ? {} : { sizeMs: parseDuration(size) }) }
  }

  /** Properties of the key's format. `name` is the source's: AVRO keys are named after it. Throws KsqlError. */
  keyProperties (format: FormatName, name: string): Record<string, string> {
    const fullName = this.#text('KEY_SCHEMA_FULL_NAME')
    return this.#properties('KEY', format, fullName ?? (format === 'AVRO' ? `io.confluent.ksql.avro_schemas.${avroName(name)}Key` : undefined))
  }

  valueProperties (format: FormatName): Record<string, string> {
    return this.#properties('VALUE', format, this.#text('VALUE_AVRO_SCHEMA_FULL_NAME') ?? this.#text('VALUE_SCHEMA_FULL_NAME'))
  }

  #properties (part: 'KEY' | 'VALUE', format: FormatName, fullSchemaName: string | undefined): Record<string, string> {
    const properties: Record<string, string> = {}
    if (fullSchemaName !== undefined) {
      if (fullSchemaName.trim() === '') throw new KsqlError('fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}')
      properties['fullSchemaName'] = fullSchemaName.trim()
    }
    const delimiter = this.#text(`${part}_DELIMITER`)
    if (delimiter !== undefined) properties['delimiter'] = delimiter
    const nullable = this.#text(`${part}_PROTOBUF_NULLABLE_REPRESENTATION`)
    if (nullable !== undefined) {
      if (format !== 'PROTOBUF' && format !== 'PROTOBUF_NOSR') {
        throw new KsqlError(`Property ${part}_PROTOBUF_NULLABLE_REPRESENTATION can only be enabled with protobuf format`)
      }
      properties['nullableRepresentation'] = nullable.toUpperCase()
    }
    const schemaId = this.#number(`${part}_SCHEMA_ID`)
    if (schemaId !== undefined) {
      if (!supportsInference(format)) {
        throw new KsqlError(`${part}_FORMAT should support schema inference when ${part}_SCHEMA_ID is provided. Current format is ${format}.`)
      }
      properties['schemaId'] = String(schemaId)
    }
    checkFormatProperties(format, properties)
    return properties
  }

  #checkWindow (): void {
    const { window } = this
    const size = this.#text('WINDOW_SIZE')
    const needsSize = window !== undefined && window.type !== 'SESSION'
    if (needsSize && size === undefined) {
      throw new KsqlError(`Failed to prepare statement: ${window.type} windows require 'WINDOW_SIZE' to be provided in the WITH clause. ` +
        "For example: 'WINDOW_SIZE'='10 SECONDS'")
    }
    if (!needsSize && size !== undefined) throw new KsqlError("Failed to prepare statement: 'WINDOW_SIZE' should not be set for SESSION windows.")
  }

  #format (name: string): FormatName | undefined {
    const text = this.#text('FORMAT') ?? this.#text(name)
    return text === undefined ? undefined : formatName(text)
  }

  #text (name: string): string | undefined {
    const literal = this.#literals.get(name)
    return literal === undefined || literal.node === 'NullLiteral' ? undefined : String(valueOf(literal))
  }

  #number (name: string): number | undefined {
    const text = this.#text(name)
    if (text === undefined) return undefined
    if (!/^-?\d+$/.test(text.trim())) throw new KsqlError(`Failed to prepare statement: Invalid value ${text} for property ${name}: Not a number of type INT`)
    return Number(text)
  }
}

function valueOf (literal: Literal): unknown {
  return literal.node === 'NullLiteral' ? null : literal.value
}

/** AvroFormat.getKeySchemaName: words between underscores begin with a capital. */
function avroName (name: string): string {
  return name.split('_').map(word => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()).join('')
}
