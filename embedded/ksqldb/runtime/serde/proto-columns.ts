// Protocol Buffers and SQL: the columns of a message, and the message that ksqlDB registers for columns (Kafka Connect's ProtobufData).
import type { SqlType } from '../../sql/sql-type.js'
import { printSqlType } from '../../sql/sql-type.js'
import type { Column } from '../../plan/schema.js'
import { SerdeError } from './format.js'
import { isEntry, type ProtoField, type ProtoMessage, type ProtoType, type ScalarName } from './proto-schema.js'

const OF_SCALAR: Readonly<Record<ScalarName, SqlType>> = {
  bool: { base: 'BOOLEAN' }, int32: { base: 'INTEGER' }, sint32: { base: 'INTEGER' }, sfixed32: { base: 'INTEGER' }, int64: { base: 'BIGINT' },
  uint32: { base: 'BIGINT' }, fixed32: { base: 'BIGINT' }, uint64: { base: 'BIGINT' }, sint64: { base: 'BIGINT' }, fixed64: { base: 'BIGINT' },
  sfixed64: { base: 'BIGINT' }, float: { base: 'DOUBLE' }, double: { base: 'DOUBLE' }, string: { base: 'STRING' }, bytes: { base: 'BYTES' }
}
const OF_WRAPPER: Readonly<Record<string, ScalarName>> = {
  DoubleValue: 'double', FloatValue: 'float', Int64Value: 'int64', UInt64Value: 'uint64', Int32Value: 'int32', UInt32Value: 'uint32', BoolValue: 'bool',
  StringValue: 'string', BytesValue: 'bytes'
}

/** The scalar within a wrapper such as google.protobuf.StringValue. */
export function wrapped (name: string): ScalarName | undefined {
  return name.startsWith('google.protobuf.') ? OF_WRAPPER[name.slice('google.protobuf.'.length)] : undefined
}

/** The columns of a message; names upper-cased unless `keepCase`. Fields without a SQL form are left out. Throws SerdeError where none is left. */
export function columnsOfMessage (message: ProtoMessage, keepCase: boolean): readonly Column[] {
  const columns = fieldsOf(message, keepCase, [])
  if (columns.length === 0) throw new SerdeError('Schema does not include any columns with types that ksqlDB supports.')
  return columns
}

function fieldsOf (message: ProtoMessage, keepCase: boolean, around: readonly ProtoMessage[]): Column[] {
  // A message within itself has no SQL form.
  if (around.includes(message)) return []
  return message.fields.flatMap(field => {
    const type = typeOfField(field, keepCase, [...around, message])
    return type === undefined ? [] : [{ name: keepCase ? field.name : field.name.toUpperCase(), type }]
  })
}

function typeOfField ({ label, type }: ProtoField, keepCase: boolean, around: readonly ProtoMessage[]): SqlType | undefined {
  if (label === 'repeated' && type.kind === 'message' && isEntry(type.message)) {
    const [keys, values] = type.message.fields.map(field => typeOfField(field, keepCase, around))
    return keys === undefined || values === undefined ? undefined : { base: 'MAP', keys, values }
  }
  const single = typeOf(type, keepCase, around)
  return single === undefined || label !== 'repeated' ? single : { base: 'ARRAY', items: single }
}

function typeOf (type: ProtoType, keepCase: boolean, around: readonly ProtoMessage[]): SqlType | undefined {
  switch (type.kind) {
    case 'scalar': return OF_SCALAR[type.name]
    case 'enum': return { base: 'STRING' }
    case 'message': {
      const fields = fieldsOf(type.message, keepCase, around)
      return fields.length === 0 ? undefined : { base: 'STRUCT', fields }
    }
    case 'known': return knownType(type)
  }
}

function knownType (type: Extract<ProtoType, { kind: 'known' }>): SqlType | undefined {
  const scalar = wrapped(type.name)
  if (scalar !== undefined) return OF_SCALAR[scalar]
  switch (type.name) {
    case 'google.protobuf.Timestamp': return { base: 'TIMESTAMP' }
    case 'google.type.Date': return { base: 'DATE' }
    case 'google.type.TimeOfDay': return { base: 'TIME' }
    case 'confluent.type.Decimal': return { base: 'DECIMAL', precision: type.precision ?? 64, scale: type.scale ?? 0 }
    default: return undefined
  }
}

export interface MessageOptions {
  /** `ConnectDefault1` unless given; a part before the last dot is the package. */
  readonly fullName?: string
  /** How NULL is kept apart from a type's default: not at all, by `optional`, by wrapper messages. */
  readonly nullable?: 'OPTIONAL' | 'WRAPPER'
}

/** The message for these columns. Throws SerdeError for a type that Protocol Buffers cannot hold. */
export function messageFor (columns: readonly Column[], options: MessageOptions = {}): ProtoMessage {
  return new MessageBuilder(options).message(options.fullName?.split('.').at(-1), columns)
}

class MessageBuilder {
  private readonly options: MessageOptions
  private count = 0

  constructor (options: MessageOptions) {
    this.options = options
  }

  message (given: string | undefined, columns: readonly Column[], suffix = ''): ProtoMessage {
    this.count++
    const name = given ?? `ConnectDefault${this.count}${suffix}`
    const nested: ProtoMessage[] = []
    const fields = columns.map(({ name: column, type }, i) => this.field(column.replaceAll(/[^\w]/g, '_'), i + 1, type, nested, suffix === ''))
    return { name, fullName: name, fields, nested, isMapEntry: suffix === 'Entry' }
  }

  private field (name: string, number: number, type: SqlType, nested: ProtoMessage[], mayBeNull: boolean): ProtoField {
    if (type.base === 'ARRAY') return { name, number, label: 'repeated', type: this.single(type.items, nested) }
    if (type.base === 'MAP') {
      const entry = this.message(undefined, [{ name: 'key', type: type.keys }, { name: 'value', type: type.values }], 'Entry')
      nested.push(entry)
      return { name, number, label: 'repeated', type: { kind: 'message', message: entry } }
    }
    const single = this.single(type, nested)
    if (!mayBeNull || single.kind !== 'scalar') return { name, number, label: 'single', type: single }
    if (this.options.nullable === 'WRAPPER') return { name, number, label: 'single', type: { kind: 'known', name: wrapperOf(single.name) } }
    return { name, number, label: this.options.nullable === 'OPTIONAL' ? 'optional' : 'single', type: single }
  }

  private single (type: SqlType, nested: ProtoMessage[]): ProtoType {
    switch (type.base) {
      case 'BOOLEAN': return { kind: 'scalar', name: 'bool' }
      case 'INTEGER': return { kind: 'scalar', name: 'int32' }
      case 'BIGINT': return { kind: 'scalar', name: 'int64' }
      case 'DOUBLE': return { kind: 'scalar', name: 'double' }
      case 'STRING': return { kind: 'scalar', name: 'string' }
      case 'BYTES': return { kind: 'scalar', name: 'bytes' }
      case 'DATE': return { kind: 'known', name: 'google.type.Date' }
      case 'TIME': return { kind: 'known', name: 'google.type.TimeOfDay' }
      case 'TIMESTAMP': return { kind: 'known', name: 'google.protobuf.Timestamp' }
      case 'DECIMAL': return { kind: 'known', name: 'confluent.type.Decimal', precision: type.precision, scale: type.scale }
      case 'STRUCT': {
        const message = this.message(undefined, type.fields)
        nested.push(message)
        return { kind: 'message', message }
      }
      default: throw new SerdeError(`The PROTOBUF format cannot hold a list of ${printSqlType(type)}`)
    }
  }
}

function wrapperOf (scalar: ScalarName): string {
  const [name] = Object.entries(OF_WRAPPER).find(([, inner]) => inner === scalar) ?? ['StringValue']
  return `google.protobuf.${name}`
}

const IMPORTS: readonly (readonly [RegExp, string])[] = [
  [/google\.protobuf\.Timestamp/, 'google/protobuf/timestamp.proto'], [/google\.protobuf\.\w+Value/, 'google/protobuf/wrappers.proto'],
  [/google\.type\.Date/, 'google/type/date.proto'], [/google\.type\.TimeOfDay/, 'google/type/timeofday.proto'],
  [/confluent\.type\.Decimal/, 'confluent/type/decimal.proto']
]

/** The .proto text that is registered for a message. */
export function printProto (message: ProtoMessage, fullName?: string): string {
  const body = printMessage(message, '')
  const imports = IMPORTS.filter(([use]) => use.test(body)).map(([, file]) => `import "${file}";\n`).join('')
  const packageName = fullName?.includes('.') === true ? `package ${fullName.slice(0, fullName.lastIndexOf('.'))};\n` : ''
  return `syntax = "proto3";\n${packageName}\n${imports === '' ? '' : `${imports}\n`}${body}`
}

function printMessage (message: ProtoMessage, indent: string): string {
  const fields = message.fields.map(field => `${indent}  ${printField(field, indent)}\n`).join('')
  const nested = message.nested.map(one => printMessage(one, `${indent}  `)).join('')
  return `${indent}message ${message.name} {\n${fields}${nested === '' ? '' : `\n${nested}`}${indent}}\n`
}

function printField ({ name, number, label, type }: ProtoField, indent: string): string {
  const typeName = type.kind === 'message' ? type.message.name : type.kind === 'enum' ? 'string' : type.name
  const parameter = (key: string, value: number): string => `${indent}      {\n${indent}        value: "${value}",\n${indent}        key: "${key}"\n${indent}      }`
  const options = type.kind === 'known' && type.precision !== undefined
    ? ` [(confluent.field_meta) = {\n${indent}    params: [\n${parameter('precision', type.precision)},\n${parameter('scale', type.scale ?? 0)}\n${indent}    ]\n${indent}  }]`
    : ''
  return `${label === 'single' ? '' : `${label} `}${typeName} ${name} = ${number}${options};`
}
