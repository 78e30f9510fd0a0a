// The KAFKA format: one column, written as Kafka's own serializers write it (KafkaSerdeFactory). NONE: no column at all.
import { ByteReader } from '../bytes.js'
import { SerdeError } from './format.js'
import type { Format } from './format.js'
import type { Row, Value } from '../../plan/value.js'
import type { SqlType } from '../../sql/sql-type.js'
import { TextCache } from './text-cache.js'

interface Codec { readonly size?: number, readonly read: (data: Buffer) => Value, readonly write: (value: Value) => Buffer }

const fixed = (size: number, put: (buffer: Buffer, value: Value) => void) => (value: Value): Buffer => {
  const buffer = Buffer.allocUnsafe(size)
  put(buffer, value)
  return buffer
}

const CODECS: Readonly<Partial<Record<SqlType['base'], Codec>>> = {
  INTEGER: { size: 4, read: data => data.readInt32BE(0), write: fixed(4, (b, v) => { b.writeInt32BE(v as number) }) },
  BIGINT: { size: 8, read: data => data.readBigInt64BE(0), write: fixed(8, (b, v) => { b.writeBigInt64BE(v as bigint) }) },
  DOUBLE: { size: 8, read: data => data.readDoubleBE(0), write: fixed(8, (b, v) => { b.writeDoubleBE(v as number) }) },
  STRING: { read: data => data.toString('utf8', 0, data.length), write: value => Buffer.from(value as string) },
  BYTES: { read: data => Buffer.from(data), write: value => value as Buffer }
}

const SIZE_MESSAGES: Readonly<Record<string, string>> = {
  INTEGER: 'Size of data received by IntegerDeserializer is not 4',
  BIGINT: 'Size of data received by LongDeserializer is not 8',
  DOUBLE: 'Size of data received by Deserializer is not 8'
}

function codecOf (type: SqlType): Codec {
  const codec = CODECS[type.base]
  if (codec === undefined) throw new SerdeError(`The 'KAFKA' format does not support type '${type.base}'`)
  return codec
}

function single<T extends { readonly type: SqlType }> (columns: readonly T[]): T | undefined {
  if (columns.length > 1) throw new SerdeError(`The 'KAFKA' format only supports a single field. Got: ${columns.length}`)
  return columns[0]
}

export const kafkaFormat: Format = {
  deserializer: async (columns, _info, { topic }) => {
    const column = single(columns)
    if (column === undefined) return { deserialize: () => null }
    const { size, read } = codecOf(column.type)
    const reader = new ByteReader(Buffer.alloc(0))
    const cache = new TextCache()
    return {
      ...column.type.base === 'STRING' && {
        deserializeAt: (buffer: Buffer, start: number, end: number) => [cache.read(reader.reset(buffer, start, end), end - start)]
      },
      deserialize: data => {
        if (size !== undefined && data.length !== size) {
          throw new SerdeError(`Error deserializing KAFKA message from topic: ${topic}`, [SIZE_MESSAGES[column.type.base] ?? 'Wrong size'])
        }
        return [read(data)]
      }
    }
  },
  serializer: async columns => {
    const column = single(columns)
    if (column === undefined) return () => null
    const { write } = codecOf(column.type)
    return (row: Row) => row[0] === null || row[0] === undefined ? null : write(row[0])
  }
}

export const noneFormat: Format = {
  deserializer: async () => ({ deserialize: () => null }),
  serializer: async () => () => null
}
