// The PROTOBUF format: Confluent's header (0, schema id in 32 bits, which message of the schema), then the message. PROTOBUF_NOSR: the message alone.
import type { Column } from '../../plan/schema.js'
import type { Row } from '../../plan/value.js'
import type { SchemaRegistry } from '../../../schema-registry.js'
import { HEADER_BYTES, referencedTexts } from './avro.js'
import type { InferenceOptions } from './avro-schema.js'
import { SerdeError } from './format.js'
import type { Deserializer, Format, SerdeContext, Serializer } from './format.js'
import { messageReader, messageWriter, readIndex, varint } from './proto-codec.js'
import { columnsOfMessage, messageFor, printProto, type MessageOptions } from './proto-columns.js'
import { parseProto, type ProtoMessage } from './proto-schema.js'

const SCHEMAS_MAX = 1000
const INDEX_DEPTH_MAX = 50

/** The columns that ksqlDB infers from a schema: of its first message, or of the one with the name. Throws SerdeError. */
export function sqlSchemaFromProto (text: string, options: InferenceOptions & { readonly fullName?: string } = {}): readonly Column[] {
  const { message } = find(parseProto(text, options.references), options.fullName)
  return columnsOfMessage(message, options.keepCase === true)
}

/** A message and its place among the schema's messages: an index for each level. */
function find (messages: readonly ProtoMessage[], fullName: string | undefined): { message: ProtoMessage, path: readonly number[] } {
  const [first] = messages
  if (fullName === undefined && first !== undefined) return { message: first, path: [0] }
  const search = (list: readonly ProtoMessage[], above: readonly number[]): { message: ProtoMessage, path: readonly number[] } | undefined => {
    for (const [i, message] of list.entries()) {
      const path = [...above, i]
      const found = message.fullName === fullName || message.name === fullName ? { message, path } : search(message.nested, path)
      if (found !== undefined) return found
    }
    return undefined
  }
  const found = search(messages, [])
  if (found === undefined) throw new SerdeError(`Schema ${String(fullName)} does not exist in the protobuf schema`)
  return found
}

/** `[0]` is written as a single zero; all else as count and indexes, zigzag. */
function indexBytes (path: readonly number[]): Buffer {
  if (path.length === 1 && path[0] === 0) return Buffer.from([0])
  return Buffer.concat([path.length, ...path].map(n => varint(BigInt(n * 2))))
}

function readPath (data: Buffer): { path: number[], start: number } {
  const count = readIndex(data, HEADER_BYTES)
  if (count.value === 0) return { path: [0], start: count.next }
  if (count.value < 0 || count.value > INDEX_DEPTH_MAX) throw new SerdeError('The message index is out of range')
  const path: number[] = []
  let start = count.next
  for (let i = 0; i < count.value; i++) {
    const { value, next } = readIndex(data, start)
    path.push(value)
    start = next
  }
  return { path, start }
}

function messageAt (messages: readonly ProtoMessage[], path: readonly number[]): ProtoMessage {
  let list = messages
  let message: ProtoMessage | undefined
  for (const index of path) {
    message = list[index]
    list = message?.nested ?? []
  }
  if (message === undefined) throw new SerdeError('The schema does not have the message')
  return message
}

async function schemaById (registry: SchemaRegistry, id: number): Promise<readonly ProtoMessage[]> {
  const found = await registry.byId(id)
  if (found === undefined) throw new SerdeError(`Error retrieving Protobuf schema for id ${id}`, [`Schema ${id} not found`])
  if (found.schemaType !== 'PROTOBUF') throw new SerdeError(`Schema ${id} is not a Protobuf schema but ${found.schemaType}`)
  return parseProto(found.schema, await referencedTexts(registry, found.references))
}

function optionsOf (properties: Readonly<Record<string, string>>): MessageOptions {
  const nullable = properties['nullableRepresentation']
  const fullName = properties['fullSchemaName']
  return { ...(fullName !== undefined && { fullName }), ...((nullable === 'OPTIONAL' || nullable === 'WRAPPER') && { nullable }) }
}

function failure (context: SerdeContext, cause: unknown): SerdeError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new SerdeError(`Error deserializing message from topic: ${context.topic}`, [message])
}

function deserializer (columns: readonly Column[], context: SerdeContext): Deserializer {
  const schemas = new Map<number, readonly ProtoMessage[] | Error>()
  const readers = new Map<string, (content: Buffer) => Row>()
  const idOf = (data: Buffer): number => data.length <= HEADER_BYTES || data[0] !== 0 ? -1 : data.readInt32BE(1)
  const load = async (id: number): Promise<void> => {
    let loaded: readonly ProtoMessage[] | Error
    try {
      loaded = await schemaById(context.registry, id)
    } catch (error) {
      loaded = failure(context, error)
    }
    if (schemas.size >= SCHEMAS_MAX) schemas.clear()
    schemas.set(id, loaded)
  }
  const readerFor = (id: number, path: readonly number[]): (content: Buffer) => Row => {
    const key = `${id}:${path.join('.')}`
    const known = readers.get(key)
    if (known !== undefined) return known
    const messages = schemas.get(id)
    if (messages === undefined || messages instanceof Error) throw messages ?? new SerdeError(`The schema with id ${id} was not loaded`)
    const reader = messageReader(messageAt(messages, path), columns)
    if (readers.size >= SCHEMAS_MAX) readers.clear()
    readers.set(key, reader)
    return reader
  }
  return {
    prepare: data => {
      const id = idOf(data)
      return id < 0 || schemas.has(id) ? undefined : load(id)
    },
    deserialize: data => {
      try {
        const id = idOf(data)
        if (id < 0) throw new SerdeError('Unknown magic byte!')
        const { path, start } = readPath(data)
        return readerFor(id, path)(data.subarray(start))
      } catch (error) {
        throw failure(context, error)
      }
    }
  }
}

async function target (
  columns: readonly Column[], properties: Readonly<Record<string, string>>, context: SerdeContext
): Promise<{ id: number, message: ProtoMessage, path: readonly number[] }> {
  const options = optionsOf(properties)
  if (properties['schemaId'] !== undefined) {
    const id = Number(properties['schemaId'])
    return { id, ...find(await schemaById(context.registry, id), options.fullName) }
  }
  const message = messageFor(columns, options)
  const subject = `${context.topic}-${context.isKey ? 'key' : 'value'}`
  const { id } = await context.registry.register(subject, { schema: printProto(message, options.fullName), schemaType: 'PROTOBUF' })
  return { id, message, path: [0] }
}

export const protobufFormat: Format = {
  deserializer: async (columns, _, context) => deserializer(columns, context),
  serializer: async (columns, info, context): Promise<Serializer> => {
    const { id, message, path } = await target(columns, info.properties, context)
    const header = Buffer.concat([Buffer.alloc(HEADER_BYTES), indexBytes(path)])
    header.writeInt32BE(id, 1)
    const write = messageWriter(message, columns)
    return row => Buffer.concat([header, write(row)])
  }
}

export const protobufNoSrFormat: Format = {
  deserializer: async (columns, info, context): Promise<Deserializer> => {
    const read = messageReader(messageFor(columns, optionsOf(info.properties)), columns)
    return {
      deserialize: data => {
        try {
          return read(data)
        } catch (error) {
          throw failure(context, error)
        }
      }
    }
  },
  serializer: async (columns, info): Promise<Serializer> => messageWriter(messageFor(columns, optionsOf(info.properties)), columns)
}
