// Avro in Confluent's wire format: a magic byte 0, the schema's id as four bytes big endian, then the record.
import avro from 'avsc'

const headerBytes = 5

export class AvroCodec<T> {
  readonly schemaId: number
  /** The schema's text. */
  readonly schema: string
  readonly #type: avro.Type

  /** @throws TypeError where the schema is not valid Avro. */
  constructor (schema: string, schemaId: number) {
    // logical types stay the plain longs that they are: milliseconds go in, milliseconds come out
    this.#type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
    this.schemaId = schemaId
    this.schema = schema
  }

  /** @throws Error naming the field that does not fit the schema. */
  encode (value: T): Buffer {
    const record = this.#type.toBuffer(value)
    const framed = Buffer.allocUnsafe(headerBytes + record.length)
    framed.writeUInt8(0, 0)
    framed.writeInt32BE(this.schemaId, 1)
    record.copy(framed, headerBytes)
    return framed
  }

  /** The record behind the header, read with this schema. */
  decode (framed: Buffer): T {
    return this.#type.fromBuffer(framed.subarray(headerBytes)) as T
  }
}
