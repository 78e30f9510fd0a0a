// PRINT's guess at formats: begins with all that there are, drops each that fails to read what comes, prints with the first that is left
// (the rules of ksqlDB's RecordFormatter).
import type { SchemaRegistry } from '../../schema-registry.js'
import type { LogRecord } from '../../records/batch.js'
import { formatTimestamp } from '../plan/iso-time.js'
import { ByteReader } from '../runtime/bytes.js'
import { avroSchemaById, HEADER_BYTES, referencedTexts } from '../runtime/serde/avro.js'
import type { AvroSchema } from '../runtime/serde/avro-schema.js'
import { SerdeError } from '../runtime/serde/format.js'
import { javaDouble, parseJson, writeJson } from '../runtime/serde/json-text.js'
import { readIndex } from '../runtime/serde/proto-codec.js'
import { parseProto, type ProtoMessage } from '../runtime/serde/proto-schema.js'
import { avroText } from './avro-text.js'
import { protoText } from './proto-text.js'

const SCHEMAS_MAX = 1000
const INDEX_DEPTH_MAX = 50
const NO_DATA = '¯\\_(ツ)_/¯ - no data processed'
const NULL_TEXT = '<null>'

type LoadedSchema =
  | { readonly type: 'AVRO', readonly schema: AvroSchema }
  | { readonly type: 'PROTOBUF', readonly messages: readonly ProtoMessage[] }
  | { readonly type: 'JSON' }

/** Gives the text; throws where the bytes are of another format. */
type ToText = (data: Buffer, schema: LoadedSchema | undefined) => string

interface NamedFormat { readonly name: string, readonly toText: ToText }

export interface PrintedRecord extends Pick<LogRecord, 'timestamp' | 'key' | 'value'> { readonly partition: number }

/** One PRINT's memory of what its records can be. */
export class RecordFormatter {
  readonly #registry: SchemaRegistry
  readonly #schemas = new Map<number, LoadedSchema | undefined>()
  readonly #key = new FormatCandidates(FORMATS.flatMap(format => [...WINDOWS.map(window => window(format)), format]))
  readonly #value = new FormatCandidates(FORMATS)

  constructor (registry: SchemaRegistry) {
    this.#registry = registry
  }

  /** The formats that all keys so far can be read by, the one that prints first; none left: empty. */
  get keyFormats (): readonly string[] { return this.#key.names }
  get valueFormats (): readonly string[] { return this.#value.names }

  /** A line for each record, without line end. A format that fails within the batch does not print any of its records. */
  async format (records: readonly PrintedRecord[]): Promise<string[]> {
    const [key, value] = [this.keyFormats[0], this.valueFormats[0]]
    const lines = await this.#lines(records)
    return this.#key.has(key) && this.#value.has(value) ? lines : await this.#lines(records)
  }

  async #lines (records: readonly PrintedRecord[]): Promise<string[]> {
    const lines: string[] = []
    for (const { timestamp, key, value, partition } of records) {
      const keyText = this.#key.format(key, await this.#schemaOf(key))
      const valueText = this.#value.format(value, await this.#schemaOf(value))
      lines.push(`rowtime: ${rowtime(timestamp)}, key: ${keyText}, value: ${valueText}, partition: ${partition}`)
    }
    return lines
  }

  /** The schema that the bytes name, if they begin as Confluent's header and the registry has it. */
  async #schemaOf (data: Buffer | null): Promise<LoadedSchema | undefined> {
    if (data === null || data.length < HEADER_BYTES || data[0] !== 0) return undefined
    const id = data.readInt32BE(1)
    if (!this.#schemas.has(id)) {
      if (this.#schemas.size >= SCHEMAS_MAX) this.#schemas.clear()
      this.#schemas.set(id, await loadSchema(this.#registry, id))
    }
    return this.#schemas.get(id)
  }
}

async function loadSchema (registry: SchemaRegistry, id: number): Promise<LoadedSchema | undefined> {
  try {
    const found = await registry.byId(id)
    switch (found?.schemaType) {
      case 'AVRO': return { type: 'AVRO', schema: await avroSchemaById(registry, id) }
      case 'PROTOBUF': return { type: 'PROTOBUF', messages: parseProto(found.schema, await referencedTexts(registry, found.references)) }
      case 'JSON': return { type: 'JSON' }
      default: return undefined
    }
  } catch {
    return undefined // A format whose schema cannot be had is dropped, as one that cannot be read.
  }
}

function rowtime (timestamp: number): string {
  return timestamp < 0 ? 'N/A' : `${formatTimestamp(timestamp).replaceAll('-', '/').replace('T', ' ')} Z`
}

class FormatCandidates {
  #left: readonly NamedFormat[]
  #seenData = false

  constructor (all: readonly NamedFormat[]) {
    this.#left = all
  }

  get names (): readonly string[] { return this.#seenData ? this.#left.map(format => format.name) : [NO_DATA] }

  has (name: string | undefined): boolean { return name === this.names[0] || this.names.some(one => one === name) }

  format (data: Buffer | null, schema: LoadedSchema | undefined): string {
    if (data === null) return NULL_TEXT
    this.#seenData = true
    let first: string | undefined
    this.#left = this.#left.filter(({ toText }) => {
      try {
        const text = toText(data, schema)
        first ??= text
        return true
      } catch {
        return false
      }
    })
    return first ?? bytesText(data)
  }
}

/** Kafka's Bytes.toString: what is not printable ASCII by its code. */
function bytesText (data: Buffer): string {
  return [...data].map(byte => byte >= 0x20 && byte <= 0x7e && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

function refuse (what: string): never {
  throw new SerdeError(what)
}

function fixed (data: Buffer, bytes: number): Buffer {
  return data.length === bytes ? data : refuse(`Size of data is not ${bytes}`)
}

/** Where a window's bytes are taken off, the schema's id may go with them. */
function headed (data: Buffer): Buffer {
  return data.length >= HEADER_BYTES ? data : refuse('Unknown magic byte!')
}

function utf8 (data: Buffer): string {
  const text = data.toString()
  if (text === '' || text.includes('\ufffd')) refuse(text === '' ? 'Empty data' : 'String contains replacement char')
  return text
}

// Jackson's readTree looks one character behind a number or word that is the whole value.
const JSON_BARE = /^[ \t\r\n]*[-\w]/
const JSON_BARE_WHOLE = /^[ \t\r\n]*(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?=[ \t\r\n]|$)|(?:true|false|null)(?![\w$]))/

function jsonText (data: Buffer): string {
  const text = utf8(data)
  if (JSON_BARE.test(text) && !JSON_BARE_WHOLE.test(text)) refuse('Failed to deserialize as JSON')
  parseJson(text)
  return text
}

function jsonSrText (data: Buffer): string {
  const value = parseJson(data.toString('utf8', HEADER_BYTES))
  return value === undefined ? refuse('Empty data') : writeJson(value)
}

/** Behind the header stands which message of the schema it is: a count and indexes, or a zero for the first. */
function protobufText (data: Buffer, messages: readonly ProtoMessage[]): string {
  let { value: count, next } = readIndex(data, HEADER_BYTES)
  if (count < 0 || count > INDEX_DEPTH_MAX) refuse('The message index is out of range')
  let message = count === 0 ? messages[0] : undefined
  for (let list = messages; count > 0; count--) {
    const index = readIndex(data, next)
    next = index.next
    message = list[index.value]
    list = message?.nested ?? []
  }
  return protoText(message ?? refuse('The schema does not have the message'), data.subarray(next))
}

/** In the order in which they are tried. */
const FORMATS: readonly NamedFormat[] = [
  {
    name: 'AVRO',
    toText: (data, schema) => schema?.type === 'AVRO' ? avroText(schema.schema, new ByteReader(headed(data), HEADER_BYTES)) ?? NULL_TEXT : refuse('Not Avro')
  },
  { name: 'PROTOBUF', toText: (data, schema) => schema?.type === 'PROTOBUF' ? protobufText(headed(data), schema.messages) : refuse('Not Protobuf') },
  { name: 'JSON', toText: jsonText },
  { name: 'JSON_SR', toText: (data, schema) => schema?.type === 'JSON' ? jsonSrText(headed(data)) : refuse('Not JSON with a schema') },
  { name: 'KAFKA_INT', toText: data => String(fixed(data, 4).readInt32BE()) },
  { name: 'KAFKA_BIGINT', toText: data => String(fixed(data, 8).readBigInt64BE()) },
  { name: 'KAFKA_DOUBLE', toText: data => javaDouble(fixed(data, 8).readDoubleBE()) },
  { name: 'KAFKA_STRING', toText: utf8 }
]

/** Windowed keys: the key's bytes, then the window's start; of a session its end and its start (Kafka Streams' WindowKeySchema, SessionKeySchema). */
const WINDOWS: readonly ((format: NamedFormat) => NamedFormat)[] = [
  ({ name, toText }) => ({
    name: `SESSION(${name})`,
    toText: (data, schema) => {
      const at = data.length - 16
      if (at < 0) refuse('No session window')
      const [end, start] = [data.readBigInt64BE(at), data.readBigInt64BE(at + 8)]
      if (start < 0n || end < start) refuse('Window endMs time cannot be smaller than window startMs time.')
      return `[${toText(data.subarray(0, at), schema)}@${start}/${end}]`
    }
  }),
  ...['HOPPING', 'TUMBLING'].map(type => ({ name, toText }: NamedFormat): NamedFormat => ({
    name: `${type}(${name})`,
    toText: (data, schema) => {
      const at = data.length - 8
      if (at < 0) refuse('No time window')
      const start = data.readBigInt64BE(at)
      if (start < 0n) refuse('Window startMs time cannot be negative.')
      return `[${toText(data.subarray(0, at), schema)}@${start}/-]`
    }
  }))
]
