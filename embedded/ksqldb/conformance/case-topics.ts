// The topics of one case: made before its statements, given its inputs, compared with the outputs that it expects.
import type { DataSource } from '../plan/metastore.js'
import type { ProcessingError } from '../runtime/api.js'
import { valueColumns } from '../runtime/serde/index.js'
import { writeJson } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'
import type { LogRecord } from '../../records/batch.js'
import type { SchemaType } from '../../schema-registry.js'
import type { CaseLog } from './case-log.js'
import type { CaseRegistry } from './case-registry.js'
import type { Case, CaseRecord, Members } from './case.js'
import { difference } from './compare.js'
import { decode, encode } from './notation.js'
import type { Notation } from './notation.js'

const TOPIC_PARTITIONS = 4

export class CaseTopics {
  readonly #case: Case
  readonly #log: CaseLog
  readonly #registry: CaseRegistry
  /** The sources that are declared by now. */
  readonly #sources: () => readonly DataSource[]
  readonly #errors: readonly ProcessingError[]
  readonly #supplied = new Set<string>()

  constructor (one: Case, log: CaseLog, registry: CaseRegistry, sources: () => readonly DataSource[], errors: readonly ProcessingError[]) {
    this.#case = one
    this.#log = log
    this.#registry = registry
    this.#sources = sources
    this.#errors = errors
  }

  /** Writes the inputs of topics that have come to have a source: only then is their format known. */
  async supplyInputs (): Promise<void> {
    for (const source of this.#sources()) {
      if (this.#supplied.has(source.topic)) continue
      this.#supplied.add(source.topic)
      for (const [arrival, input] of this.#case.inputs.entries()) {
        if (input.topic !== source.topic) continue
        const key = await encode(input.key, this.#notation(source, true))
        const value = await encode(input.value, this.#notation(source, false))
        this.#log.supply(input.topic, {
          timestamp: input.timestamp ?? 0, key: windowed(key, input.window), value, headers: input.headers ?? []
        }, arrival)
      }
    }
  }

  #notation (source: DataSource, isKey: boolean): Notation {
    return {
      topic: source.topic, isKey, registry: this.#registry,
      columns: isKey ? source.schema.key : valueColumns(source.schema),
      info: isKey ? source.formats.key : source.formats.value
    }
  }

  /** Where what queries wrote differs from what is expected. */
  async compareOutputs (): Promise<string | undefined> {
    for (const topic of new Set(this.#case.outputs.map(output => output.topic))) {
      const expected = this.#case.outputs.filter(output => output.topic === topic)
      const source = this.#sources().find(one => one.topic === topic)
      if (source === undefined) return `no source has the topic ${topic}`
      const actual = this.#log.outputs(topic)
      for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
        const [want, have] = [expected[i], actual[i]]
        const failure = want === undefined
          ? `${topic}: more than the ${expected.length} records expected; next: ${await this.#show(have!, source)}`
          : have === undefined
            ? `${topic}: ${actual.length} records, expected ${expected.length}; missing: ${showRecord(want)}`
            : await this.#compare(want, have, source, `${topic}[${i}]`)
        if (failure !== undefined) return failure + this.#errorText()
      }
    }
    return undefined
  }

  #errorText (): string {
    return this.#errors.slice(0, 3).map(error => `\n  ${error.type} ${error.logger}: ${error.message} ${error.cause.join('; ')}`).join('')
  }

  async #show (record: LogRecord, source: DataSource): Promise<string> {
    const { key } = splitWindow(record.key, source)
    return `${writeJson((await decode(key, this.#notation(source, true))).json)} ${writeJson((await decode(record.value, this.#notation(source, false))).json)} @${record.timestamp}`
  }

  async #compare (want: CaseRecord, have: LogRecord, source: DataSource, path: string): Promise<string | undefined> {
    const { key, window } = splitWindow(have.key, source)
    const [gotKey, gotValue] = [await decode(key, this.#notation(source, true)), await decode(have.value, this.#notation(source, false))]
    const unequal = difference(want.key, gotKey.json, gotKey.type, `${path}.key`) ?? difference(want.value, gotValue.json, gotValue.type, `${path}.value`)
    if (unequal !== undefined) return unequal
    if (want.timestamp !== undefined && want.timestamp !== have.timestamp) return `${path}.timestamp: expected ${want.timestamp}, got ${have.timestamp}`
    if (want.window !== undefined && (window === undefined || window.start !== want.window.start || window.end !== want.window.end)) {
      return `${path}.window: expected ${JSON.stringify(want.window)}, got ${JSON.stringify(window)}`
    }
    const headers = want.headers ?? []
    const same = headers.length === have.headers.length && headers.every((header, i) => {
      const other = have.headers[i]!
      return header.key === other.key && (header.value === null ? other.value === null : other.value !== null && header.value.equals(other.value))
    })
    return same ? undefined : `${path}.headers: expected ${headers.length}, got ${have.headers.length}`
  }
}

function showRecord ({ key, value, timestamp }: CaseRecord): string {
  return `${writeJson(key ?? null)} ${writeJson(value ?? null)} @${timestamp ?? '?'}`
}

function windowed (key: Buffer | null, window: CaseRecord['window']): Buffer | null {
  if (key === null || window === undefined) return key
  const suffix = Buffer.alloc(window.session ? 16 : 8)
  if (window.session) suffix.writeBigInt64BE(BigInt(window.end))
  suffix.writeBigInt64BE(BigInt(window.start), window.session ? 8 : 0)
  return Buffer.concat([key, suffix])
}

function splitWindow (key: Buffer | null, source: DataSource): { key: Buffer | null, window?: { start: number, end: number } } {
  const info = source.window
  if (key === null || info === undefined) return { key }
  const suffix = info.type === 'SESSION' ? 16 : 8
  if (key.length < suffix) return { key }
  const start = Number(key.readBigInt64BE(key.length - 8))
  const end = info.type === 'SESSION' ? Number(key.readBigInt64BE(key.length - 16)) : start + (info.sizeMs ?? 0)
  return { key: key.subarray(0, key.length - suffix), window: { start, end } }
}

const DECLARES = /^\s*CREATE\s+(OR\s+REPLACE\s+)?(SOURCE\s+)?(STREAM|TABLE)\b/i
const KAFKA_TOPIC = /KAFKA_TOPIC\s*=\s*'([^']+)'/i
const PARTITIONS = /\bPARTITIONS\s*=\s*(\d+)/i

/** Partitions of the topics that statements name, where a statement says how many. */
function namedTopics (one: Case): Map<string, number | undefined> {
  const named = new Map<string, number | undefined>()
  for (const statement of one.statements) {
    const topic = DECLARES.test(statement) ? KAFKA_TOPIC.exec(statement)?.[1] : undefined
    if (topic === undefined) continue
    const partitions = PARTITIONS.exec(statement)?.[1]
    if (partitions !== undefined || (!/\bAS\s+SELECT\b/i.test(statement) && !named.has(topic))) named.set(topic, partitions === undefined ? undefined : Number(partitions))
  }
  return named
}

/** Makes the topics that the case names, and registers their schemas. */
export async function makeTopics (one: Case, log: CaseLog, registry: CaseRegistry): Promise<void> {
  const named = namedTopics(one)
  for (const topic of one.topics) {
    const name = String(topic.get('name'))
    await log.createTopic({ name, partitions: Number(topic.get('partitions') ?? named.get(name) ?? 1), replicationFactor: Number(topic.get('replicas') ?? 1) })
    await registerSchemas(topic, name, registry)
  }
  for (const [name, partitions] of named) {
    if (log.describeTopic(name) === undefined && partitions === undefined) await log.createTopic({ name, partitions: TOPIC_PARTITIONS })
  }
}

const SCHEMA_TYPES: Readonly<Record<string, SchemaType>> = { JSON_SR: 'JSON', JSON: 'JSON', PROTOBUF: 'PROTOBUF', PROTOBUF_NOSR: 'PROTOBUF' }

async function registerSchemas (topic: Members, name: string, registry: CaseRegistry): Promise<void> {
  for (const part of ['key', 'value'] as const) {
    const schema = topic.get(`${part}Schema`)
    if (schema === undefined || schema === null) continue
    const format = String(topic.get(`${part}Format`) ?? topic.get('format') ?? 'AVRO')
    const references = []
    for (const [i, reference] of ((topic.get(`${part}SchemaReferences`) ?? []) as Members[]).entries()) {
      const subject = String(reference.get('name') ?? `reference-${i}`)
      await registry.register(subject, { schema: schemaText(reference.get('schema')!), schemaType: SCHEMA_TYPES[format] ?? 'AVRO' })
      references.push({ name: subject, subject, version: 1 })
    }
    const entry = { schema: schemaText(schema), schemaType: SCHEMA_TYPES[format] ?? 'AVRO', references }
    const id = topic.get(`${part}SchemaId`)
    if (id === undefined) await registry.register(`${name}-${part}`, entry)
    else registry.put(`${name}-${part}`, Number(id), entry)
  }
}

const schemaText = (schema: JsonValue): string => typeof schema === 'string' && !/^[a-z]+$/.test(schema) ? schema : writeJson(schema)
