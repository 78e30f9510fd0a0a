// What can be asked of the registry's state: what is there, which settings hold, whether a schema is known and whether it may follow
// those before it. Nothing here changes anything.
import { compatibilityErrors } from './compatibility.js'
import * as errors from './errors.js'
import { printJson } from './json.js'
import { parseSchema } from './parsed.js'
import type { SchemaReference } from '../schema-registry.js'
import type { PreviousSchema } from './compatibility.js'
import type { CompatibilityLevel, Config, Mode, SchemaContent, SchemaVersion } from './model.js'
import type { ParsedSchema, SchemaRequest } from './parsed.js'
import type { SchemaStore } from './store.js'

export const LATEST = -1
const MAX_PARSED = 1000

export class Catalog {
  readonly #store: SchemaStore
  readonly #parsed = new Map<string, ParsedSchema>()

  constructor (store: SchemaStore) { this.#store = store }

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
    const found = this.find(subject, version, deletedToo)
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
    const parsed = this.parse(subject, request, normalize, false)
    if (parsed === undefined) return undefined
    const previous = this.latestVersion(subject)
    const withPrevious = { ...parsed, metadata: parsed.metadata ?? previous?.metadata, ruleSet: parsed.ruleSet ?? previous?.ruleSet }
    return this.same(subject, parsed, deletedToo) ?? this.same(subject, withPrevious, deletedToo)
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
    const previous = version === undefined ? this.versions(subject, false) : [this.find(subject, version, false)].flatMap(one => one ?? [])
    if (previous.length === 0 && version !== undefined && version !== LATEST) throw errors.versionNotFound(version)
    const parsed = this.parse(subject, request, normalize, true)
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    return this.compatibilityErrors(subject, parsed, previous)
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

  /** The version where it stands; -1 is the latest. */
  find (subject: string, version: number, deletedToo: boolean): SchemaVersion | undefined {
    const found = version === LATEST ? this.latestVersion(subject) : this.#store.version(subject, version)
    return found !== undefined && (deletedToo || !found.deleted) ? found : undefined
  }

  /** Throws 42201. Undefined for an empty schema. */
  parse (subject: string, request: SchemaRequest, normalize: boolean, isNew: boolean): ParsedSchema | undefined {
    const lookUp = (reference: SchemaReference, deletedToo: boolean) => this.find(reference.subject, reference.version, deletedToo)
    return parseSchema(request, { subject, lookUp, isNew, normalize: normalize || this.configInScope(subject).normalize === true })
  }

  /** Kept versions are parsed once and remembered, the oldest forgotten first. */
  #parsedVersion (one: SchemaVersion): ParsedSchema {
    const key = `${one.version} ${one.id} ${one.subject}`
    const known = this.#parsed.get(key)
    if (known?.schema === one.schema) return known
    const lookUp = (reference: SchemaReference) => this.find(reference.subject, reference.version, true)
    const parsed = parseSchema({ ...one, id: one.id }, { subject: one.subject, lookUp, normalize: false, isNew: false })
    if (parsed === undefined) throw errors.invalidSchema('Empty schema')
    this.#parsed.set(key, parsed)
    if (this.#parsed.size > MAX_PARSED) this.#parsed.delete(this.#parsed.keys().next().value as string)
    return parsed
  }

  /** The same text first; then, latest first, a schema that means the same though properties stand in another order or references are written out. */
  same (subject: string, parsed: ParsedSchema, deletedToo: boolean): SchemaVersion | undefined {
    const exact = this.#store.byContent(parsed).filter(one => one.subject === subject && (deletedToo || !one.deleted)).at(-1)
    if (exact !== undefined) return exact
    const rules = (one: SchemaContent) => printJson([one.metadata ?? null, one.ruleSet ?? null])
    const candidates = parsed.schemaType !== 'AVRO'
      ? []
      : this.versions(subject, deletedToo).filter(one => one.schemaType === 'AVRO' && rules(one) === rules(parsed))
    return candidates.toReversed().find(one => {
      const sameReferences = JSON.stringify(one.references) === JSON.stringify(parsed.references) || parsed.references.length === 0
      return sameReferences && this.#parsedVersion(one).resolved === parsed.resolved
    })
  }

  /** As the subject's level and group say. */
  compatibilityErrors (subject: string, parsed: ParsedSchema, previous: readonly SchemaVersion[]): string[] {
    const { compatibilityLevel, compatibilityGroup } = this.configInScope(subject)
    const group = (one: Pick<SchemaVersion, 'metadata'>) => compatibilityGroup === undefined ? undefined : metadataProperty(one, compatibilityGroup)
    const candidates = previous.filter(one => group(one) === group(parsed))
    const checked = compatibilityLevel === 'NONE' ? [] : compatibilityLevel.endsWith('_TRANSITIVE') ? candidates : candidates.slice(-1)
    return compatibilityErrors(compatibilityLevel, parsed, checked.map((one): PreviousSchema => ({ version: one.version, parsed: this.#parsedVersion(one) })))
  }
}

function metadataProperty (one: Pick<SchemaVersion, 'metadata'>, name: string): string | undefined {
  const properties = one.metadata instanceof Map ? one.metadata.get('properties') : undefined
  const value = properties instanceof Map ? properties.get(name) : undefined
  return typeof value === 'string' ? value : undefined
}
