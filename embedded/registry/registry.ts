// Schema Registry in process: what may be registered, found, changed and deleted, by Confluent's rules (storage.KafkaSchemaRegistry 7.9).
// Writes go one after the other, so that the same schema gets the same id whoever registers it at once; answers come from memory.
import { Catalog } from './catalog.js'
import * as errors from './errors.js'
import { RegistryError } from './errors.js'
import { HttpServer } from './http.js'
import { routes } from './routes.js'
import { configKey, modeKey, schemaKey, SchemaStore, schemaValue } from './store.js'
import type { Log } from '../log.js'
import type { RegisteredSchema, SchemaReference, SchemaRegistry, SchemaType } from '../schema-registry.js'
import type { Config, Mode, SchemaVersion } from './model.js'
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

const MAX_WAITING_WRITES = 10_000

export class Registry implements SchemaRegistry {
  readonly clusterId: string
  /** What can be asked without changing anything. */
  readonly catalog: Catalog
  readonly #store: SchemaStore
  readonly #server: HttpServer
  #writes: Promise<unknown> = Promise.resolve()
  #waiting = 0

  private constructor (store: SchemaStore, options: RegistryOptions) {
    this.#store = store
    this.catalog = new Catalog(store)
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
    const version = this.catalog.latestVersion(subject)
    return version && registered(version)
  }

  async byId (id: number): Promise<Pick<RegisteredSchema, 'id' | 'schemaType' | 'schema' | 'references'> | undefined> {
    const version = this.#store.byId(id)[0]
    return version && registered(version)
  }

  async listSubjects (): Promise<readonly string[]> {
    return this.catalog.subjects('', 'live')
  }

  async deleteSubject (subject: string): Promise<void> {
    if (!this.catalog.hasSubject(subject, true)) return
    if (this.catalog.hasSubject(subject, false)) await this.removeSubject(subject, false)
    await this.removeSubject(subject, true)
  }

  // Writing.

  /** Throws 409, 42201, 42205, 42207 to 42209, 50001. */
  async registerSchema (subject: string, request: SchemaRequest, normalize: boolean): Promise<Registration> {
    if (!isValidSubject(subject)) throw errors.invalidSubject(subject)
    return await this.#oneByOne(async () => {
      if (request.version === 0) {
        const known = this.catalog.lookUp(subject, request, normalize, false)
        if (known !== undefined && (request.id < 0 || request.id === known.id)) return { version: known, populated: false }
      }
      this.#checkMayRegister(subject, request)
      return await this.#registerNew(subject, request, normalize)
    })
  }

  /** Throws 40401 to 40407, 42205, 42206. Gives the version deleted. */
  async removeVersion (subject: string, version: number, permanent: boolean): Promise<number> {
    return await this.#oneByOne(async () => {
      const found = this.catalog.find(subject, version, true)
      if (found === undefined) throw this.catalog.hasSubject(subject, true) ? errors.versionNotFound(version) : errors.subjectNotFound(subject)
      if (!permanent && found.deleted) throw errors.versionSoftDeleted(subject, version)
      this.#checkWritable(subject)
      if (this.#store.referencedBy(subject, found.version, permanent).length > 0) throw errors.referenceExists(subject, found.version)
      if (permanent && !found.deleted) throw errors.versionNotSoftDeleted(subject, found.version)
      const key = schemaKey(subject, found.version)
      if (!permanent) await this.#store.write([{ key, value: schemaValue({ ...found, deleted: true }) }])
      else await this.#store.write([{ key, value: null }, ...this.catalog.versions(subject, true).length === 1 ? this.#forgetSettings(subject) : []])
      return found.version
    })
  }

  /** Throws 40401, 40404, 40405, 42205, 42206. Gives the versions deleted, in order. */
  async removeSubject (subject: string, permanent: boolean): Promise<number[]> {
    return await this.#oneByOne(async () => {
      if (!this.catalog.hasSubject(subject, true)) throw errors.subjectNotFound(subject)
      if (!permanent && !this.catalog.hasSubject(subject, false)) throw errors.subjectSoftDeleted(subject)
      this.#checkWritable(subject)
      const versions = this.catalog.versions(subject, permanent)
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
      const config = this.catalog.config(subject)
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
      if (mode === 'IMPORT' && this.catalog.modeInScope(subject) !== 'IMPORT' && !force) {
        const subjects = subject === undefined ? this.catalog.subjects('', 'all') : [subject]
        if (subjects.some(one => this.catalog.hasSubject(one, false))) throw errors.notPermitted('Cannot import since found existing subjects')
        const deleted = subjects.flatMap(one => this.catalog.versions(one, true))
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
      const mode = this.catalog.mode(subject)
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

  #checkWritable (subject: string | undefined): void {
    const mode = this.catalog.modeInScope(subject)
    if (mode === 'READONLY' || mode === 'READONLY_OVERRIDE') throw errors.notPermitted(`Subject ${subject ?? 'null'} is in read-only mode`)
  }

  #checkMayRegister (subject: string, request: SchemaRequest): void {
    this.#checkWritable(subject)
    const mode = this.catalog.modeInScope(subject)
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
    const all = this.catalog.versions(subject, true)
    const live = all.filter(one => !one.deleted)
    const importing = this.catalog.modeInScope(subject) === 'IMPORT'
    const { filled, populated } = importing ? { filled: request, populated: false } : this.#populate(request, live.at(-1))
    const parsed = this.catalog.parse(subject, filled, normalize && !importing, request.id < 0)
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    const known = request.version === 0 ? this.catalog.same(subject, parsed, false) : undefined
    if (known !== undefined && (request.id < 0 || request.id === known.id)) return { version: known, populated }
    if (!importing) {
      const found = this.catalog.compatibilityErrors(subject, parsed, live)
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

/** No control characters, none of the names that stand for something else, and no context but the default one. */
export function isValidSubject (subject: string): boolean {
  return !/\p{Cc}/u.test(subject) && subject !== '__GLOBAL' && subject !== '__EMPTY' && !subject.startsWith(':.')
}

function registered ({ subject, version, id, schemaType, schema, references }: SchemaVersion): RegisteredSchema {
  return { subject, version, id, schemaType, schema, references }
}
