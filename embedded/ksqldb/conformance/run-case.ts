// Runs one case of qtt form through a whole engine of its own: statements, records in, records out.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KsqlEngine } from '../engine/engine.js'
import { createBuiltInFunctions, systemContext } from '../plan/functions/index.js'
import { FunctionRegistry } from '../plan/function-registry.js'
import type { DataSource } from '../plan/metastore.js'
import { printSchema } from '../plan/schema.js'
import type { ProcessingError } from '../runtime/api.js'
import { Runtime } from '../runtime/runtime.js'
import { valueColumns } from '../runtime/serde/index.js'
import { writeJson } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'
import { parseSchema } from '../sql/parser.js'
import type { LogRecord } from '../../records/batch.js'
import type { SchemaType } from '../../schema-registry.js'
import { CaseLog } from './case-log.js'
import { CaseRegistry } from './case-registry.js'
import type { Case, CaseRecord, Members } from './case.js'
import { difference } from './compare.js'
import { decode, encode } from './notation.js'
import type { Notation } from './notation.js'

const TOPIC_PARTITIONS = 4
const CAUGHT_UP_MS_MAX = 10_000

/** Why a case failed; undefined where it passed. */
export type Verdict = string | undefined

class CaseRun {
  readonly case: Case
  readonly log: CaseLog
  readonly registry = new CaseRegistry()
  readonly engine: KsqlEngine
  readonly runtime: Runtime
  readonly #errors: ProcessingError[]
  readonly #supplied = new Set<string>()

  constructor (one: Case, log: CaseLog, registry: CaseRegistry, engine: KsqlEngine, runtime: Runtime, errors: ProcessingError[]) {
    this.case = one
    this.log = log
    this.registry = registry
    this.engine = engine
    this.runtime = runtime
    this.#errors = errors
  }

  async verdict (): Promise<Verdict> {
    const { statements, expectedException, properties } = this.case
    for (const [i, ksql] of statements.entries()) {
      const last = i === statements.length - 1
      try {
        // The statements of a case are one text, a line each: messages count their lines.
        await this.engine.execute({ ksql: '\n'.repeat(i) + ksql, properties: sessionOf(properties) })
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (expectedException === undefined) return `statement ${i + 1} was refused: ${message}`
        if (`${message}\nStatement: ${ksql}`.includes(expectedException)) return undefined
        return last ? `refused with another message: ${message}\nexpected: ${expectedException}` : `statement ${i + 1} was refused: ${message}`
      }
      await this.#supplyInputs()
      const failure = await this.#settle()
      if (failure !== undefined) return expectedException === undefined ? failure : undefined
    }
    if (expectedException !== undefined) return `not refused; expected: ${expectedException}`
    return await this.#compareOutputs() ?? this.#comparePost()
  }

  /** Writes the inputs of topics that have come to have a source: only then is their format known. */
  async #supplyInputs (): Promise<void> {
    for (const source of this.engine.state.sources()) {
      if (this.#supplied.has(source.topic)) continue
      this.#supplied.add(source.topic)
      for (const [arrival, input] of this.case.inputs.entries()) {
        if (input.topic !== source.topic) continue
        const key = await encode(input.key, this.#notation(source, true))
        const value = await encode(input.value, this.#notation(source, false))
        this.log.supply(input.topic, {
          timestamp: input.timestamp ?? 0, key: windowed(key, input.window), value, headers: input.headers ?? []
        }, arrival)
      }
    }
  }

  #notation (source: DataSource, isKey: boolean): Notation {
    return {
      topic: source.topic, isKey, registry: this.registry,
      columns: isKey ? source.schema.key : valueColumns(source.schema),
      info: isKey ? source.formats.key : source.formats.value
    }
  }

  /** Queries run one after another: the new one reads all there is before the next statement. */
  async #settle (): Promise<string | undefined> {
    for (const { id } of this.engine.state.queries()) {
      const query = this.runtime.query(id)
      if (query === undefined) return `query ${id} does not run`
      if (query.status === 'PAUSED') continue
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<string>(resolve => { timer = setTimeout(() => resolve(`query ${id} did not come to an end`), CAUGHT_UP_MS_MAX) })
      const failure = await Promise.race([query.caughtUp().then(() => undefined, (error: Error) => `query ${id} failed: ${error.stack ?? error.message}`), late])
      clearTimeout(timer)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  async #compareOutputs (): Promise<Verdict> {
    for (const topic of new Set(this.case.outputs.map(output => output.topic))) {
      const expected = this.case.outputs.filter(output => output.topic === topic)
      const source = this.engine.state.sources().find(one => one.topic === topic)
      if (source === undefined) return `no source has the topic ${topic}`
      const actual = this.log.outputs(topic)
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

  async #compare (want: CaseRecord, have: LogRecord, source: DataSource, path: string): Promise<Verdict> {
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

  /** What the case says of the sources that its statements leave. */
  #comparePost (): Verdict {
    const sources = (this.case.members.get('post') as Members | undefined)?.get('sources')
    for (const one of Array.isArray(sources) ? sources as Members[] : []) {
      const name = String(one.get('name'))
      const source = this.engine.state.source(name)
      if (source === undefined) return `there is no source ${name}`
      const type = one.get('type')
      if (typeof type === 'string' && type.toUpperCase() !== source.kind) return `${name} is a ${source.kind}, expected ${type}`
      const schema = one.get('schema')
      if (typeof schema === 'string' && !sameSchema(schema, source)) return `${name} has the schema ${printSchema(source.schema)}, expected ${schema}`
      for (const [member, info] of [['keyFormat', source.formats.key], ['valueFormat', source.formats.value]] as const) {
        const wanted = one.get(member)
        const format = wanted instanceof Map ? wanted.get('format') : wanted
        if (typeof format === 'string' && format !== info.format) return `${name} has the ${member} ${info.format}, expected ${format}`
      }
    }
    return undefined
  }
}

function sameSchema (text: string, source: DataSource): boolean {
  try {
    const plain = (columns: DataSource['schema']['key']) => columns.map(({ name, type }) => ({ name, type }))
    const elements = parseSchema(text)
    const key = elements.filter(one => one.constraint === 'KEY' || one.constraint === 'PRIMARY KEY').map(({ name, type }) => ({ name, type }))
    const value = elements.filter(one => one.constraint === 'NONE' || one.constraint === 'HEADERS').map(({ name, type }) => ({ name, type }))
    return printSchema({ key, value }) === printSchema({ key: plain(source.schema.key), value: plain(source.schema.value) })
  } catch {
    return text === printSchema(source.schema)
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

/** Every update is emitted, from the beginning. */
function sessionOf (properties: Readonly<Record<string, string>>): Record<string, string> {
  const session: Record<string, string> = { 'auto.offset.reset': 'earliest', 'cache.max.bytes.buffering': '0' }
  for (const [name, value] of Object.entries(properties)) if (name.startsWith('ksql.streams.')) session[name.slice('ksql.streams.'.length)] = value
  return session
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

async function makeTopics (one: Case, log: CaseLog, registry: CaseRegistry): Promise<void> {
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

/** Gives why the case failed. Throws nothing: what the engine throws is a failure. */
export async function runCase (one: Case): Promise<Verdict> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-case-'))
  const errors: ProcessingError[] = []
  const log = new CaseLog(new Set(one.inputs.map(input => input.topic)), one.inputs.length)
  const registry = new CaseRegistry()
  let runtime: Runtime | undefined
  try {
    const server = Object.fromEntries(Object.entries(one.properties).filter(([name]) => !name.startsWith('ksql.streams.')))
    const functions = new FunctionRegistry(createBuiltInFunctions({ ...systemContext, properties: server }))
    await makeTopics(one, log, registry)
    runtime = await Runtime.open({
      dataDir, log, registry, functions, onProcessingError: error => errors.push(error), recordsPerCommit: 1, oneStreamTime: true,
      recordOrder: (topic, partition, offset) => log.arrivalOf(topic, partition, offset)
    })
    const engine = await KsqlEngine.open({ log, registry, runtime, functions, properties: server })
    return await new CaseRun(one, log, registry, engine, runtime, errors).verdict()
  } catch (error) {
    return `failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
  } finally {
    await runtime?.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
