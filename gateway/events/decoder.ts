// Reads events as whoever wrote them did: the schema that the record names is asked from the registry, and resolved to the one that this version knows.
import avro from 'avsc'
import { request } from 'undici'
import type { Credentials } from '../config.js'

const headerBytes = 5
const schemasMax = 1_000
const timeoutMs = 5_000

type Reader = (bytes: Buffer) => unknown

/** A record that is not in the registry's wire format, or not of a schema that can be read as this event. */
export class Undecodable extends Error {
  readonly code = 'LINKLOG_UNDECODABLE'
}

export class EventDecoder<T> {
  readonly #type: avro.Type
  readonly #url: string
  readonly #headers: Record<string, string>
  readonly #readers = new Map<number, Promise<Reader>>()

  /** @param schema what the event is read as. */
  constructor (schema: string, registryUrl: string, credentials: Credentials | undefined) {
    this.#type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
    this.#url = registryUrl
    this.#headers = credentials === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}` }
  }

  /** @throws Undecodable, or undici's error where the registry does not answer. */
  async decode (framed: Buffer): Promise<T> {
    if (framed.length < headerBytes || framed[0] !== 0) throw new Undecodable('not in the wire format of the registry')
    const id = framed.readInt32BE(1)
    const read = await this.#readerOf(id)
    try {
      return read(framed.subarray(headerBytes)) as T
    } catch (cause) {
      throw new Undecodable(`does not fit schema ${id}`, { cause })
    }
  }

  async #readerOf (id: number): Promise<Reader> {
    const known = this.#readers.get(id)
    if (known !== undefined) return await known
    if (this.#readers.size >= schemasMax) this.#readers.clear()
    const reader = this.#ask(id)
    this.#readers.set(id, reader)
    reader.catch(() => this.#readers.delete(id))
    return await reader
  }

  async #ask (id: number): Promise<Reader> {
    const { statusCode, body } = await request(`${this.#url}/schemas/ids/${id}`, { headers: this.#headers, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
    const answer = await body.json() as { schema?: string }
    if (statusCode === 404) throw new Undecodable(`the registry knows no schema ${id}`)
    if (statusCode !== 200 || answer.schema === undefined) throw new Error(`Schema Registry answered ${statusCode} for schema ${id}`)
    try {
      const writer = avro.Type.forSchema(JSON.parse(answer.schema) as avro.Schema, { wrapUnions: 'never' })
      const resolver = this.#type.createResolver(writer)
      return bytes => this.#type.fromBuffer(bytes, resolver) as unknown
    } catch (cause) {
      throw new Undecodable(`schema ${id} cannot be read as this event`, { cause })
    }
  }
}
