// Schema Registry in process: what may be registered, found, changed and deleted, by Confluent's rules (storage.KafkaSchemaRegistry 7.9).
// Writes go one after the other, so that the same schema gets the same id whoever registers it at once; answers come from memory.
import { compatibilityErrors } from './compatibility.js'
import * as errors from './errors.js'
import { RegistryError } from './errors.js'
import { HttpServer } from './http.js'
import { parseSchema } from './parsed.js'
import { routes } from './routes.js'
import { configKey, modeKey, schemaKey, SchemaStore, schemaValue } from './store.js'
import type { Log } from '../log.js'
import type { RegisteredSchema, SchemaReference, SchemaRegistry, SchemaType } from '../schema-registry.js'
import type { PreviousSchema } from './compatibility.js'
import type { CompatibilityLevel, Config, Mode, SchemaVersion } from './model.js'
import type { ParsedSchema, SchemaRequest } from './parsed.js'
import type { Change, Logger } from './store.js'

export interface RegistryOptions {
  readonly log: Log
  readonly logger?: Logger
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /** What GET /v1/metadata/id names as the Kafka cluster. */
  readonly clusterId?: string
}

/** `populated` where schema, metadata or rules were taken from the version before: then the answer shows them. */
export interface Registration { readonly version: SchemaVersion, readonly populated: boolean }

export const LATEST = -1
const MAX_WAITING_WRITES = 10_000
const MAX_PARSED = 1000

export class Registry implements SchemaRegistry {
  readonly clusterId: string
  readonly #store: SchemaStore
  readonly #parsed = new Map<string, ParsedSchema>()
  readonly #server: HttpServer
  #writes: Promise<unknown> = Promise.resolve()
  #waiting = 0

  private constructor (store: SchemaStore, options: RegistryOptions) {
    this.#store = store
    this.clusterId = options.clusterId ?? 'linklog-embedded'
    this.#server = new HttpServer(routes(this), options.logger)
  }

  /** Reads `_schemas`, which is made where it is missing. */
  static async open (options: RegistryOptions): Promise<Registry> {
    return new Registry(await SchemaStore.open(options.log, options.clock ?? Date.now, options.logger), options)
  }

  /** Serves Schema Registry's REST API. Port 0 takes any free one. */
  async listen (at: { host: string, port: number }): Promise<{ host: string, port: number }> {
    return await this.#server.listen(at)
  }

  /** Ends connections and waits for what is being written. */
  async close (): Promise<void> {
    await this.#server.close()
    await this.#writes.catch(() => {})
    this.#store.close()
  }

  // The interface that the engine uses.

  async register (subject: string, schema: { schema: string, schemaType?: SchemaType, references?: readonly SchemaReference[] }): Promise<RegisteredSchema> {
    const { schemaType, references = [] } = schema
    const request = { schema: schema.schema, schemaType, references, metadata: undefined, ruleSet: undefined, id: -1, version: 0 }
    return registered((await this.registerSchema(subject, request, false)).version)
  }

  async latest (subject: string): Promise<RegisteredSchema | undefined> {
    const version = this.latestVersion(subject)
    return version && registered(version)
  }

  async byId (id: number): Promise<Pick<RegisteredSchema, 'id' | 'schemaType' | 'schema' | 'references'> | undefined> {
    const version = this.#store.byId(id)[0]
    return version && registered(version)
  }

  async listSubjects (): Promise<readonly string[]> {
    return this.subjects('', 'live')
  }

  async deleteSubject (subject: string): Promise<void> {
    if (!this.hasSubject(subject, true)) return
    if (this.hasSubject(subject, false)) await this.removeSubject(subject, false)
    await this.removeSubject(subject, true)
  }

  // Reading.

  subjects (prefix: string, which: 'live' | 'all' | 'deleted'): string[] {
    const kept = [...this.#store.subjects()].filter(subject => subject.startsWith(prefix))
    return kept.filter(subject => which === 'all' || this.hasSubject(subject, false) === (which === 'live')).sort()
  }

  hasSubject (subject: string, deletedToo: boolean): boolean {
    return this.versions(subject, deletedToo).length > 0
  }

  versions (subject: string, deletedToo: boolean): SchemaVersion[] {
    return this.#store.versions(subject).filter(one => deletedToo || !one.deleted)
  }

  latestVersion (subject: string): SchemaVersion | undefined {
    return this.versions(subject, false).at(-1)
  }

  /** Throws 40401, 40402. */
  version (subject: string, version: number, deletedToo: boolean): SchemaVersion {
    const found = this.#find(subject, version, deletedToo)
    if (found !== undefined) return found
    throw this.hasSubject(subject, deletedToo) ? errors.versionNotFound(version) : errors.subjectNotFound(subject)
  }

  versionsOfId (id: number): SchemaVersion[] {
    return this.#store.byId(id)
  }

  get maxId (): number { return this.#store.maxId }

  /** Ids of the schemas that refer to this version, in order. */
  referencedBy (subject: string, version: number, deletedToo: boolean): number[] {
    return [...new Set(this.#store.referencedBy(subject, version, deletedToo).map(one => one.id))].sort((left, right) => left - right)
  }

  /** The version under the subject that is this schema. */
  lookUp (subject: string, request: SchemaRequest, normalize: boolean, deletedToo: boolean): SchemaVersion | undefined {
    const parsed = this.#parse(subject, request, normalize, false)
    if (parsed === undefined) return undefined
    const previous = this.latestVersion(subject)
    const withPrevious = { ...parsed, metadata: parsed.metadata ?? previous?.metadata, ruleSet: parsed.ruleSet ?? previous?.ruleSet }
    return this.#same(subject, parsed, deletedToo) ?? this.#same(subject, withPrevious, deletedToo)
  }

  /** The schema's text; with `format` "resolved" one that needs no references. Another format is passed over, as the real registry does. */
  textOf (version: SchemaVersion, format: string | null): string {
    return format?.toUpperCase() === 'RESOLVED' ? this.#parsedVersion(version).written : version.schema
  }

  /** The latest version whose metadata has all these properties. */
  latestWithMetadata (subject: string, properties: readonly [string, string][], deletedToo: boolean): SchemaVersion | undefined {
    return this.versions(subject, deletedToo).findLast(one => properties.every(([name, value]) => metadataProperty(one, name) === value))
  }

  /** Reasons why the schema may not follow the version given, or all of them; none where it may. */
  compatibility (subject: string, request: SchemaRequest, version: number | undefined, normalize: boolean): string[] {
    const previous = version === undefined ? this.versions(subject, false) : [this.#find(subject, version, false)].flatMap(one => one ?? [])
    if (previous.length === 0 && version !== undefined && version !== LATEST) throw errors.versionNotFound(version)
    const parsed = this.#parse(subject, request, normalize, true)
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    return this.#compatibilityErrors(subject, parsed, previous)
  }

  config (subject: string | undefined): Config | undefined {
    return this.#store.config(subject) ?? (subject === undefined ? { compatibilityLevel: 'BACKWARD' } : undefined)
  }

  /** The subject's settings over the global ones over the default. */
  configInScope (subject: string | undefined): Config & { compatibilityLevel: CompatibilityLevel } {
    return { compatibilityLevel: 'BACKWARD', ...this.#store.config(undefined), ...subject !== undefined && this.#store.config(subject) }
  }

  mode (subject: string | undefined): Mode | undefined {
    return this.#store.mode(subject) ?? (subject === undefined ? 'READWRITE' : undefined)
  }

  modeInScope (subject: string | undefined): Mode {
    const global = this.#store.mode(undefined) ?? 'READWRITE'
    if (subject === undefined || global === 'READONLY_OVERRIDE') return global
    return this.#store.mode(subject) ?? global
  }

  // Writing.

  /** Throws 409, 42201, 42205, 42207 to 42209, 50001. */
  async registerSchema (subject: string, request: SchemaRequest, normalize: boolean): Promise<Registration> {
    if (!isValidSubject(subject)) throw errors.invalidSubject(subject)
    return await this.#oneByOne(async () => {
      if (request.version === 0) {
        const known = this.lookUp(subject, request, normalize, false)
        if (known !== undefined && (request.id < 0 || request.id === known.id)) return { version: known, populated: false }
      }
      this.#checkMayRegister(subject, request)
      return await this.#registerNew(subject, request, normalize)
    })
  }

  /** Throws 40401 to 40407, 42205, 42206. Gives the version deleted. */
  async removeVersion (subject: string, version: number, permanent: boolean): Promise<number> {
    return await this.#oneByOne(async () => {
      const found = this.#find(subject, version, true)
      if (found === undefined) throw this.hasSubject(subject, true) ? errors.versionNotFound(version) : errors.subjectNotFound(subject)
      if (!permanent && found.deleted) throw errors.versionSoftDeleted(subject, version)
      this.#checkWritable(subject)
      if (this.#store.referencedBy(subject, found.version, permanent).length > 0) throw errors.referenceExists(subject, found.version)
      if (permanent && !found.deleted) throw errors.versionNotSoftDeleted(subject, found.version)
      const key = schemaKey(subject, found.version)
      if (!permanent) await this.#store.write([{ key, value: schemaValue({ ...found, deleted: true }) }])
      else await this.#store.write([{ key, value: null }, ...this.versions(subject, true).length === 1 ? this.#forgetSettings(subject) : []])
      return found.version
    })
  }

  /** Throws 40401, 40404, 40405, 42205, 42206. Gives the versions deleted, in order. */
  async removeSubject (subject: string, permanent: boolean): Promise<number[]> {
    return await this.#oneByOne(async () => {
      if (!this.hasSubject(subject, true)) throw errors.subjectNotFound(subject)
      if (!permanent && !this.hasSubject(subject, false)) throw errors.subjectSoftDeleted(subject)
      this.#checkWritable(subject)
      const versions = this.versions(subject, permanent)
      for (const one of versions) {
        const others = this.#store.referencedBy(subject, one.version, permanent).filter(other => other.subject !== subject)
        if (others.length > 0) throw errors.referenceExists(subject, one.version)
        if (permanent && !one.deleted) throw errors.subjectNotSoftDeleted(subject)
      }
      const numbers = versions.map(one => one.version)
      await this.#store.write(permanent
        ? [...numbers.toReversed().map(version => ({ key: schemaKey(subject, version), value: null })), ...this.#forgetSettings(subject)]
        : [{ key: { keytype: 'DELETE_SUBJECT', subject, magic: 0 }, value: { subject, version: numbers.at(-1) } }])
      return numbers
    })
  }

  /** Adds to what is set already. */
  async setConfig (subject: string | undefined, config: Config): Promise<void> {
    await this.#oneByOne(async () => {
      this.#checkWritable(subject)
      await this.#store.write([{ key: configKey(subject), value: { subject, ...this.#store.config(subject), ...config } }])
    })
  }

  /** Throws 40401 where none is set. Gives what was set. */
  async removeConfig (subject: string | undefined): Promise<Config> {
    return await this.#oneByOne(async () => {
      const config = this.config(subject)
      if (config === undefined) throw errors.subjectNotFound(subject ?? '')
      this.#checkWritable(subject)
      await this.#store.write([{ key: configKey(subject), value: null }])
      return config
    })
  }

  /** IMPORT needs `force` where schemas stand already. */
  async setMode (subject: string | undefined, mode: Mode, force: boolean): Promise<void> {
    await this.#oneByOne(async () => {
      const changes: Change[] = [{ key: modeKey(subject), value: { subject, mode } }]
      if (mode === 'IMPORT' && this.modeInScope(subject) !== 'IMPORT' && !force) {
        const subjects = subject === undefined ? this.subjects('', 'all') : [subject]
        if (subjects.some(one => this.hasSubject(one, false))) throw errors.notPermitted('Cannot import since found existing subjects')
        const deleted = subjects.flatMap(one => this.versions(one, true))
        for (const one of deleted) {
          if (this.#store.referencedBy(one.subject, one.version, true).length > 0) throw errors.referenceExists(one.subject, one.version)
        }
        changes.unshift(...deleted.map(one => ({ key: schemaKey(one.subject, one.version), value: null })))
      }
      await this.#store.write(changes)
    })
  }

  /** Throws 40401 where none is set. Gives what was set. */
  async removeMode (subject: string | undefined): Promise<Mode> {
    return await this.#oneByOne(async () => {
      const mode = this.mode(subject)
      if (mode === undefined) throw errors.subjectNotFound(subject ?? '')
      await this.#store.write([{ key: modeKey(subject), value: null }])
      return mode
    })
  }

  async #oneByOne<T> (write: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING_WRITES) throw new RegistryError(50002, 'Write to the Kafka store timed out: too many writes are waiting')
    this.#waiting++
    const result = this.#writes.then(write)
    this.#writes = result.catch(() => {}).finally(() => { this.#waiting-- })
    return await result
  }

  #find (subject: string, version: number, deletedToo: boolean): SchemaVersion | undefined {
    const found = version === LATEST ? this.latestVersion(subject) : this.#store.version(subject, version)
    return found !== undefined && (deletedToo || !found.deleted) ? found : undefined
  }

  #parse (subject: string, request: SchemaRequest, normalize: boolean, isNew: boolean): ParsedSchema | undefined {
    const lookUp = (reference: SchemaReference, deletedToo: boolean) => this.#find(reference.subject, reference.version, deletedToo)
    return parseSchema(request, { subject, lookUp, isNew, normalize: normalize || this.configInScope(subject).normalize === true })
  }

  /** Kept versions are parsed once and remembered, the oldest forgotten first. */
  #parsedVersion (one: SchemaVersion): ParsedSchema {
    const key = `${one.version} ${one.id} ${one.subject}`
    const known = this.#parsed.get(key)
    if (known?.schema === one.schema) return known
    const lookUp = (reference: SchemaReference) => this.#find(reference.subject, reference.version, true)
    const parsed = parseSchema({ ...one, id: one.id }, { subject: one.subject, lookUp, normalize: false, isNew: false })
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    this.#parsed.set(key, parsed)
    if (this.#parsed.size > MAX_PARSED) this.#parsed.delete(this.#parsed.keys().next().value as string)
    return parsed
  }

  /** The same text first; then, latest first, a schema that means the same though properties stand in another order or references are written out. */
  #same (subject: string, parsed: ParsedSchema, deletedToo: boolean): SchemaVersion | undefined {
    const exact = this.#store.byContent(parsed).filter(one => one.subject === subject && (deletedToo || !one.deleted)).at(-1)
    if (exact !== undefined) return exact
    const sameRules = (one: SchemaVersion) => JSON.stringify([one.metadata, one.ruleSet]) === JSON.stringify([parsed.metadata, parsed.ruleSet])
    const candidates = this.versions(subject, deletedToo).filter(one => one.schemaType === 'AVRO' && parsed.schemaType === 'AVRO' && sameRules(one))
    return candidates.toReversed().find(one => {
      const sameReferences = JSON.stringify(one.references) === JSON.stringify(parsed.references) || parsed.references.length === 0
      return sameReferences && this.#parsedVersion(one).resolved === parsed.resolved
    })
  }

  #compatibilityErrors (subject: string, parsed: ParsedSchema, previous: readonly SchemaVersion[]): string[] {
    const { compatibilityLevel, compatibilityGroup } = this.configInScope(subject)
    const group = (one: Pick<SchemaVersion, 'metadata'>) => compatibilityGroup === undefined ? undefined : metadataProperty(one, compatibilityGroup)
    const candidates = previous.filter(one => group(one) === group(parsed))
    const checked = compatibilityLevel === 'NONE' ? [] : compatibilityLevel.endsWith('_TRANSITIVE') ? candidates : candidates.slice(-1)
    return compatibilityErrors(compatibilityLevel, parsed, checked.map((one): PreviousSchema => ({ version: one.version, parsed: this.#parsedVersion(one) })))
  }

  #checkWritable (subject: string | undefined): void {
    const mode = this.modeInScope(subject)
    if (mode === 'READONLY' || mode === 'READONLY_OVERRIDE') throw errors.notPermitted(`Subject ${subject ?? 'null'} is in read-only mode`)
  }

  #checkMayRegister (subject: string, request: SchemaRequest): void {
    this.#checkWritable(subject)
    const mode = this.modeInScope(subject)
    if (request.id >= 0 && mode !== 'IMPORT') throw errors.notPermitted(`Subject ${subject} is not in import mode`)
    if (request.id < 0 && mode !== 'READWRITE') throw errors.notPermitted(`Subject ${subject} is not in read-write mode`)
  }

  #forgetSettings (subject: string): Change[] {
    return [
      ...this.#store.mode(subject) === undefined ? [] : [{ key: modeKey(subject), value: null }],
      ...this.#store.config(subject) === undefined ? [] : [{ key: configKey(subject), value: null }]
    ]
  }

  /** What the request leaves out is taken from the version before it. */
  #populate (request: SchemaRequest, previous: SchemaVersion | undefined): { filled: SchemaRequest, populated: boolean } {
    const metadata = request.metadata ?? previous?.metadata
    const ruleSet = request.ruleSet ?? previous?.ruleSet
    const isEmpty = request.schema === undefined || request.schema.trim() === ''
    if (isEmpty && previous === undefined) throw errors.invalidSchema('Empty schema')
    const from = isEmpty && previous !== undefined ? previous : request
    const filled = { ...request, schema: from.schema, schemaType: from.schemaType, references: from.references, metadata, ruleSet }
    return { filled, populated: isEmpty || metadata !== undefined || ruleSet !== undefined }
  }

  async #registerNew (subject: string, request: SchemaRequest, normalize: boolean): Promise<Registration> {
    const all = this.versions(subject, true)
    const live = all.filter(one => !one.deleted)
    const importing = this.modeInScope(subject) === 'IMPORT'
    const { filled, populated } = importing ? { filled: request, populated: false } : this.#populate(request, live.at(-1))
    const parsed = this.#parse(subject, filled, normalize && !importing, request.id < 0)
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    const known = request.version === 0 ? this.#same(subject, parsed, false) : undefined
    if (known !== undefined && (request.id < 0 || request.id === known.id)) return { version: known, populated }
    if (!importing) {
      const found = this.#compatibilityErrors(subject, parsed, live)
      if (found.length > 0) throw errors.incompatibleSchema(subject, found)
    }
    const next = (all.at(-1)?.version ?? 0) + 1
    if (request.version > 0 && request.version !== next && !importing) throw errors.invalidSchema('Version is not one more than previous version')
    const id = this.#idOf(parsed, request.id)
    const { schemaType, schema, references, metadata, ruleSet } = parsed
    const content = { schemaType, schema, references, metadata, ruleSet }
    const version: SchemaVersion = { subject, version: request.version > 0 ? request.version : next, id, ...content, deleted: false }
    const replaced = all.filter(one => one.deleted && one.id === id && one.version < version.version &&
      this.#store.referencedBy(subject, one.version, true).length === 0)
    await this.#store.write([
      ...replaced.map(one => ({ key: schemaKey(subject, one.version), value: null })),
      { key: schemaKey(subject, version.version), value: schemaValue(version) }
    ])
    return { version, populated }
  }

  #idOf (parsed: ParsedSchema, asked: number): number {
    if (asked < 0) return this.#store.byContent(parsed)[0]?.id ?? this.#store.maxId + 1
    const other = this.#store.byId(asked)[0]
    if (other !== undefined && (other.schema !== parsed.schema || other.schemaType !== parsed.schemaType)) {
      throw errors.notPermitted(`Overwrite new schema with id ${asked} is not permitted.`)
    }
    return asked
  }
}

function metadataProperty (one: Pick<SchemaVersion, 'metadata'>, name: string): string | undefined {
  const properties = one.metadata instanceof Map ? one.metadata.get('properties') : undefined
  const value = properties instanceof Map ? properties.get(name) : undefined
  return typeof value === 'string' ? value : undefined
}

/** No control characters, none of the names that stand for something else, and no context but the default one. */
export function isValidSubject (subject: string): boolean {
  return !/\p{Cc}/u.test(subject) && subject !== '__GLOBAL' && subject !== '__EMPTY' && !subject.startsWith(':.')
}

function registered ({ subject, version, id, schemaType, schema, references }: SchemaVersion): RegisteredSchema {
  return { subject, version, id, schemaType, schema, references }
}
