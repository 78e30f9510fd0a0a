// The registry's state, kept in the topic `_schemas` in Confluent's own record form (storage.SchemaKey, SchemaValue and their
// siblings), so that a real Schema Registry could take the data over. Memory holds only what reading that topic from its start gives.
import { LogError } from '../log.js'
import { encodeBatch, iterateBatches } from '../records/batch.js'
import { schemaTooLarge, storeFailed } from './errors.js'
import { JsonNumber, parseJson, printJson, toJson } from './json.js'
import { LEVELS, MODES } from './model.js'
import type { Log, PartitionLog } from '../log.js'
import type { SchemaReference, SchemaType } from '../schema-registry.js'
import type { Json, JsonObject } from './json.js'
import type { Config, Mode, SchemaContent, SchemaVersion } from './model.js'

export const SCHEMAS_TOPIC = '_schemas'
const READ_BYTES = 1024 * 1024

/** One change: a record's key and value. A null value takes the key away. */
export interface Change {
  readonly key: object
  readonly value: object | null
}

export interface Logger {
  warn (message: string): void
}

export const schemaKey = (subject: string, version: number) => ({ keytype: 'SCHEMA', subject, version, magic: 1 })
/** Without a subject the global setting. */
export const configKey = (subject: string | undefined) => ({ keytype: 'CONFIG', subject, magic: 0 })
export const modeKey = (subject: string | undefined) => ({ keytype: 'MODE', subject, magic: 0 })

/** AVRO goes without saying, and so do absent references. */
export function schemaValue (one: SchemaVersion): object {
  const { subject, version, id, schemaType, references, metadata, ruleSet, schema, deleted } = one
  return {
    subject,
    version,
    id,
    schemaType: schemaType === 'AVRO' ? undefined : schemaType,
    references: references.length === 0 ? undefined : references,
    metadata,
    ruleSet,
    schema,
    deleted
  }
}

/** Two schemas with the same text here get the same id. */
export function contentKey (content: SchemaContent): string {
  const { schemaType, schema, references, metadata, ruleSet } = content
  return printJson(toJson([schemaType, schema, references.map(({ name, subject, version }) => [name, subject, version]), metadata ?? null, ruleSet ?? null]))
}

const text = (value: Json | undefined) => typeof value === 'string' ? value : undefined
const integer = (value: Json | undefined) => value instanceof JsonNumber && value.isInteger ? value.value : undefined
const member = <T extends string>(names: readonly T[], value: Json | undefined): T | undefined => names.find(name => name === value)

function referencesOf (value: Json | undefined): SchemaReference[] {
  if (!Array.isArray(value)) return []
  return value.flatMap(one => {
    if (!(one instanceof Map)) return []
    const [name, subject, version] = [text(one.get('name')), text(one.get('subject')), integer(one.get('version'))]
    return name === undefined || subject === undefined || version === undefined ? [] : [{ name, subject, version }]
  })
}

export class SchemaStore {
  readonly #partition: PartitionLog
  readonly #clock: () => number
  readonly #logger: Logger | undefined
  readonly #subjects = new Map<string, Map<number, SchemaVersion>>()
  readonly #byId = new Map<number, Map<string, SchemaVersion>>()
  readonly #byContent = new Map<string, Map<string, SchemaVersion>>()
  readonly #configs = new Map<string | undefined, Config>()
  readonly #modes = new Map<string | undefined, Mode>()
  #position: number
  #catchingUp: Promise<void> | undefined
  #stop: (() => void) | undefined
  #maxId = 0

  private constructor (partition: PartitionLog, clock: () => number, logger: Logger | undefined) {
    this.#partition = partition
    this.#clock = clock
    this.#logger = logger
    this.#position = partition.logStartOffset
  }

  /** Makes the topic where it is missing and reads it to its end. */
  static async open (log: Log, clock: () => number, logger: Logger | undefined): Promise<SchemaStore> {
    const topic = log.describeTopic(SCHEMAS_TOPIC) ??
      await log.createTopic({ name: SCHEMAS_TOPIC, partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } })
    const partition = log.partition(SCHEMAS_TOPIC, 0)
    if (topic.partitions !== 1 || partition === undefined) throw new Error(`Topic ${SCHEMAS_TOPIC} has ${topic.partitions} partitions; the registry needs it to have one`)
    const store = new SchemaStore(partition, clock, logger)
    await store.#catchUp()
    store.#stop = partition.onAppend(() => { store.#catchUp().catch((error: unknown) => { logger?.warn(`Reading ${SCHEMAS_TOPIC} failed: ${String(error)}`) }) })
    return store
  }

  close (): void { this.#stop?.() }

  get maxId (): number { return this.#maxId }

  /** Writes the changes as one batch, all or none, and returns when they are to be seen here. */
  async write (changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return
    const timestamp = this.#clock()
    const bytes = (value: object) => Buffer.from(printJson(toJson(value)))
    try {
      await this.#partition.append(encodeBatch(changes.map(({ key, value }) => ({ timestamp, key: bytes(key), value: value === null ? null : bytes(value) }))))
    } catch (error) {
      if (error instanceof LogError && (error.code === 'MESSAGE_TOO_LARGE' || error.code === 'RECORD_LIST_TOO_LARGE')) throw schemaTooLarge()
      throw storeFailed('Register schema operation failed while writing to the Kafka store', error)
    }
    await this.#catchUp()
  }

  subjects (): IterableIterator<string> { return this.#subjects.keys() }

  /** All versions in order, deleted ones among them. */
  versions (subject: string): SchemaVersion[] {
    return [...this.#subjects.get(subject)?.values() ?? []].sort((left, right) => left.version - right.version)
  }

  version (subject: string, version: number): SchemaVersion | undefined {
    return this.#subjects.get(subject)?.get(version)
  }

  byId (id: number): SchemaVersion[] { return [...this.#byId.get(id)?.values() ?? []] }

  /** Where a schema of this content stands, by the order of registration. */
  byContent (content: SchemaContent): SchemaVersion[] {
    return [...this.#byContent.get(contentKey(content))?.values() ?? []]
  }

  config (subject: string | undefined): Config | undefined { return this.#configs.get(subject) }
  mode (subject: string | undefined): Mode | undefined { return this.#modes.get(subject) }

  /** Ids of the schemas that refer to the version given. */
  referencedBy (subject: string, version: number, deletedToo: boolean): SchemaVersion[] {
    const all = [...this.#subjects.values()].flatMap(versions => [...versions.values()])
    return all.filter(one => (deletedToo || !one.deleted) && one.references.some(reference => reference.subject === subject && reference.version === version))
  }

  async #catchUp (): Promise<void> {
    while (this.#position < this.#partition.lastStableOffset) {
      this.#catchingUp ??= this.#readOn().finally(() => { this.#catchingUp = undefined })
      await this.#catchingUp
    }
  }

  async #readOn (): Promise<void> {
    const { batches, lastStableOffset } = await this.#partition.read(this.#position, READ_BYTES)
    for (const batch of iterateBatches(batches)) {
      if (!batch.isControl) {
        for (const record of batch.records()) if (record.offset >= this.#position && record.key !== null) this.#read(record.offset, record.key, record.value)
      }
      this.#position = batch.lastOffset + 1
    }
    if (batches.length === 0) this.#position = lastStableOffset
  }

  /** A record that cannot be understood is reported and passed over, as the real registry does. */
  #read (offset: number, key: Buffer, value: Buffer | null): void {
    try {
      const parsedKey = parseJson(key.toString())
      const parsedValue = value === null ? undefined : parseJson(value.toString())
      if (!(parsedKey instanceof Map)) throw new Error('The key is no JSON object')
      this.#apply(parsedKey, parsedValue instanceof Map ? parsedValue : undefined)
    } catch (error) {
      this.#logger?.warn(`The record at offset ${offset} of ${SCHEMAS_TOPIC} is not of the registry's form and is ignored: ${(error as Error).message}`)
    }
  }

  #apply (key: JsonObject, value: JsonObject | undefined): void {
    const subject = text(key.get('subject'))
    switch (key.get('keytype')) {
      case 'SCHEMA': return this.#applySchema(subject, integer(key.get('version')), value)
      case 'CONFIG': return this.#applySetting(this.#configs, subject, value && configOf(value))
      case 'MODE': return this.#applySetting(this.#modes, subject, value && member(MODES, value.get('mode')))
      case 'DELETE_SUBJECT': return this.#deleteSubject(subject, integer(value?.get('version')))
      case 'CLEAR_SUBJECT': case 'NOOP': case 'CONTEXT': return
      default: throw new Error(`The key type ${printJson(key.get('keytype') ?? null)} is not known`)
    }
  }

  #applySetting <T>(settings: Map<string | undefined, T>, subject: string | undefined, value: T | undefined): void {
    if (value === undefined) settings.delete(subject)
    else settings.set(subject, value)
  }

  #applySchema (subject: string | undefined, version: number | undefined, value: JsonObject | undefined): void {
    if (subject === undefined || version === undefined) throw new Error('A schema key needs subject and version')
    this.#remove(subject, version)
    if (value === undefined) return
    const [id, schema] = [integer(value.get('id')), text(value.get('schema'))]
    if (id === undefined || schema === undefined) throw new Error('A schema value needs id and schema')
    this.#put({
      subject,
      version,
      id,
      schema,
      schemaType: (text(value.get('schemaType')) ?? 'AVRO') as SchemaType,
      references: referencesOf(value.get('references')),
      metadata: value.get('metadata'),
      ruleSet: value.get('ruleSet'),
      deleted: value.get('deleted') === true
    })
  }

  #deleteSubject (subject: string | undefined, last: number | undefined): void {
    if (subject === undefined || last === undefined) return
    for (const one of this.versions(subject)) {
      if (one.version > last) continue
      this.#remove(subject, one.version)
      this.#put({ ...one, deleted: true })
    }
  }

  #put (one: SchemaVersion): void {
    const place = `${one.version} ${one.subject}`
    addTo(this.#subjects, one.subject, one.version, one)
    addTo(this.#byId, one.id, place, one)
    addTo(this.#byContent, contentKey(one), place, one)
    this.#maxId = Math.max(this.#maxId, one.id)
  }

  #remove (subject: string, version: number): void {
    const one = this.version(subject, version)
    if (one === undefined) return
    const place = `${version} ${subject}`
    removeFrom(this.#subjects, subject, version)
    removeFrom(this.#byId, one.id, place)
    removeFrom(this.#byContent, contentKey(one), place)
  }
}

function addTo<K, L, V> (index: Map<K, Map<L, V>>, key: K, inner: L, value: V): void {
  const found = index.get(key)
  if (found === undefined) index.set(key, new Map([[inner, value]]))
  else found.set(inner, value)
}

function removeFrom<K, L, V> (index: Map<K, Map<L, V>>, key: K, inner: L): void {
  const found = index.get(key)
  found?.delete(inner)
  if (found?.size === 0) index.delete(key)
}

function configOf (value: JsonObject): Config {
  const compatibilityLevel = member(LEVELS, value.get('compatibilityLevel'))
  const normalize = value.get('normalize')
  const compatibilityGroup = text(value.get('compatibilityGroup'))
  return {
    ...typeof normalize === 'boolean' && { normalize },
    ...compatibilityLevel !== undefined && { compatibilityLevel },
    ...compatibilityGroup !== undefined && { compatibilityGroup }
  }
}
