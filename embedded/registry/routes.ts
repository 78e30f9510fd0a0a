// The paths of Schema Registry's REST API and the shapes of their requests and answers. What they do is the registry's.
import * as errors from './errors.js'
import { RegistryError } from './errors.js'
import { JsonNumber, parseJson, printJson } from './json.js'
import { LEVELS, MODES } from './model.js'
import { SCHEMA_TYPES } from './parsed.js'
import type { SchemaReference } from '../schema-registry.js'
import type { Handler, Route, RouteRequest } from './http.js'
import type { Json, JsonObject } from './json.js'
import type { Config, Mode, SchemaVersion } from './model.js'
import type { SchemaRequest } from './parsed.js'
import type { Registration, Registry } from './registry.js'

const LATEST = -1
const MAX_PAGE = 1000 // schema.search.max.limit
const MAX_SUBJECTS = 20_000 // subject.search.max.limit

// Reading requests.

const flag = (query: URLSearchParams, name: string) => query.get(name)?.toLowerCase() === 'true'

function number (query: URLSearchParams, name: string, otherwise: number): number {
  const value = query.get(name)
  if (value === null || value === '') return otherwise
  if (!/^-?\d{1,10}$/.test(value)) throw new RegistryError(404, 'HTTP 404 Not Found')
  return Number(value)
}

function page <T> (query: URLSearchParams, all: readonly T[], most: number): T[] {
  const asked = number(query, 'limit', -1)
  const offset = Math.max(0, number(query, 'offset', 0))
  return all.slice(offset, offset + (asked > 0 && asked <= most ? asked : most))
}

/** `:.:name` is the name in the default context. */
function subjectOf (written: string | undefined): string {
  const subject = written ?? ''
  return subject.startsWith(':.:') ? subject.slice(3) : subject
}

const prefixOf = (query: URLSearchParams) => subjectOf((query.get('subjectPrefix') ?? '').replace(/^:\*:/, ''))

/** A version number, or -1 for the latest. Throws 42202. */
function versionOf (written = ''): number {
  const value = written.trim()
  if (value.toLowerCase() === 'latest') return LATEST
  if (!/^[+-]?\d{1,10}$/.test(value) || Number(value) > 2 ** 31 - 1) throw errors.invalidVersion(written)
  if (Number(value) <= 0 && Number(value) !== LATEST) throw errors.invalidVersion(String(Number(value)))
  return Number(value)
}

function idOf (written = ''): number {
  if (!/^[+-]?\d{1,10}$/.test(written)) throw new RegistryError(404, 'HTTP 404 Not Found')
  return Number(written)
}

function tokenOf (value: Json): string {
  if (Array.isArray(value)) return 'Array value (token `JsonToken.START_ARRAY`)'
  if (value instanceof Map) return 'Object value (token `JsonToken.START_OBJECT`)'
  if (typeof value === 'string') return 'String value (token `JsonToken.VALUE_STRING`)'
  if (typeof value === 'boolean') return `Boolean value (token \`JsonToken.VALUE_${value ? 'TRUE' : 'FALSE'}\`)`
  return `value (token \`JsonToken.VALUE_${value instanceof JsonNumber ? 'NUMBER' : 'NULL'}\`)`
}

const wrongType = (type: string, value: Json) => new RegistryError(400, `Cannot deserialize value of type \`${type}\` from ${tokenOf(value)}`)

function objectOf (body: Json | undefined, type: string): JsonObject {
  if (body instanceof Map) return body
  throw body === undefined || body === null ? new RegistryError(422, 'The request body must not be null') : wrongType(type, body)
}

/** Numbers and booleans count as their text, as they do for Jackson. */
function textOf (value: Json | undefined): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  if (value instanceof JsonNumber || typeof value === 'boolean') return printJson(value)
  throw wrongType('java.lang.String', value)
}

function integerOf (value: Json | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return Number(value)
  if (value instanceof JsonNumber && Math.abs(value.value) < 2 ** 31) return Math.trunc(value.value)
  throw wrongType('java.lang.Integer', value)
}

function referencesOf (value: Json | undefined): SchemaReference[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrongType('java.util.ArrayList', value)
  return value.map(one => {
    const reference = objectOf(one, 'io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference')
    const [name, subject, version] = [textOf(reference.get('name')), textOf(reference.get('subject')), integerOf(reference.get('version'), 0)]
    if (name === undefined || subject === undefined || version === 0) throw errors.invalidSchema(`Invalid reference: {name='${name}', subject='${subject}', version=${version || null}}`)
    return { name, subject: subjectOf(subject), version }
  })
}

/** Metadata are maps: the order of their members says nothing. */
const sortedMembers = (value: Json | undefined) => value === undefined ? undefined : parseJson(printJson(value, true))

function schemaRequest (body: Json | undefined): SchemaRequest {
  const request = objectOf(body, 'io.confluent.kafka.schemaregistry.client.rest.entities.requests.RegisterSchemaRequest')
  return {
    schema: textOf(request.get('schema')),
    schemaType: textOf(request.get('schemaType')),
    references: referencesOf(request.get('references')),
    metadata: sortedMembers(request.get('metadata') ?? undefined),
    ruleSet: request.get('ruleSet') ?? undefined,
    id: integerOf(request.get('id'), -1),
    version: integerOf(request.get('version'), 0)
  }
}

// Shaping answers. Jackson leaves out what is null or empty; AVRO goes without saying.

const contentOf = ({ schemaType, references, metadata, ruleSet, schema }: SchemaVersion) => ({
  schemaType: schemaType === 'AVRO' ? undefined : schemaType,
  references: references.length === 0 ? undefined : references.map(({ name, subject, version }) => ({ name, subject, version })),
  metadata,
  ruleSet,
  schema
})

const answerOf = (registry: Registry, one: SchemaVersion, query: URLSearchParams) => schemaAnswer({ ...one, schema: registry.catalog.textOf(one, query.get('format')) })

const schemaAnswer = (one: SchemaVersion) => ({ subject: one.subject, version: one.version, id: one.id, ...contentOf(one) })

function schemaString (one: SchemaVersion, maxId: number | undefined): object {
  const { schemaType, references, metadata, ruleSet, schema } = contentOf(one)
  return { schemaType, schema, references, metadata, ruleSet, maxId }
}

function registrationAnswer ({ version, populated }: Registration): object {
  return populated ? { id: version.id, version: version.version, ...contentOf(version) } : { id: version.id }
}

const configAnswer = ({ normalize, compatibilityLevel, compatibilityGroup }: Config) => ({ normalize, compatibilityLevel, compatibilityGroup })

const CONFIG_MEMBERS = new Set(['compatibility', 'normalize', 'compatibilityGroup'])
/** Members of Schema Registry's ConfigUpdateRequest that would change what happens and are not known here. */
const UNSUPPORTED_CONFIG = ['alias', 'validateFields', 'defaultMetadata', 'overrideMetadata', 'defaultRuleSet', 'overrideRuleSet']

function configRequest (body: Json | undefined): { config: Config, answer: Json } {
  const request = objectOf(body, 'io.confluent.kafka.schemaregistry.client.rest.entities.requests.ConfigUpdateRequest')
  const unsupported = UNSUPPORTED_CONFIG.find(name => ![undefined, null, false].includes(request.get(name) as null))
  if (unsupported !== undefined) throw errors.notPermitted(`Config '${unsupported}' is not supported by this registry`)
  const written = textOf(request.get('compatibility'))
  const level = LEVELS.find(name => name === written?.toUpperCase())
  if (written !== undefined && level === undefined) throw errors.invalidCompatibility()
  const normalize = request.get('normalize') ?? undefined
  if (normalize !== undefined && typeof normalize !== 'boolean') throw wrongType('java.lang.Boolean', normalize)
  const group = textOf(request.get('compatibilityGroup'))
  const config = {
    ...normalize !== undefined && { normalize },
    ...level !== undefined && { compatibilityLevel: level },
    ...group !== undefined && { compatibilityGroup: group }
  }
  return { config, answer: new Map([...request].filter(([name, value]) => CONFIG_MEMBERS.has(name) && value !== null)) }
}

function modeRequest (body: Json | undefined): Mode {
  const request = objectOf(body, 'io.confluent.kafka.schemaregistry.client.rest.entities.requests.ModeUpdateRequest')
  const mode = MODES.find(name => name === textOf(request.get('mode'))?.toUpperCase())
  if (mode === undefined) throw errors.invalidMode()
  return mode
}

// The paths.

type Get = (method: Route['method'], path: string, handler: Handler) => Route
const at: Get = (method, path, handler) => ({ method, path, handler })

function subjectRoutes (registry: Registry): Route[] {
  const version = ({ params, query }: RouteRequest) => registry.catalog.version(subjectOf(params[0]), versionOf(params[1]), flag(query, 'deleted'))
  return [
    at('GET', '/subjects', ({ query }) =>
      page(query, registry.catalog.subjects(prefixOf(query), flag(query, 'deletedOnly') ? 'deleted' : flag(query, 'deleted') ? 'all' : 'live'), MAX_SUBJECTS)),
    at('POST', '/subjects/:subject', ({ params, query, body }) => {
      const [subject, deletedToo] = [subjectOf(params[0]), flag(query, 'deleted')]
      const found = registry.catalog.lookUp(subject, schemaRequest(body), flag(query, 'normalize'), deletedToo)
      if (found === undefined) throw registry.catalog.hasSubject(subject, deletedToo) ? errors.schemaNotFound() : errors.subjectNotFound(subject)
      return answerOf(registry, found, query)
    }),
    at('GET', '/subjects/:subject/metadata', ({ params, query }) => {
      const [subject, deletedToo] = [subjectOf(params[0]), flag(query, 'deleted')]
      const values = query.getAll('value')
      const properties = query.getAll('key').slice(0, values.length).map((key, index): [string, string] => [key, values[index] ?? ''])
      const found = registry.catalog.latestWithMetadata(subject, properties, deletedToo)
      if (found === undefined) throw registry.catalog.hasSubject(subject, deletedToo) ? errors.schemaNotFound() : errors.subjectNotFound(subject)
      return answerOf(registry, found, query)
    }),
    at('DELETE', '/subjects/:subject', async ({ params, query }) => await registry.removeSubject(subjectOf(params[0]), flag(query, 'permanent'))),
    at('GET', '/subjects/:subject/versions', ({ params, query }) => {
      const [subject, deletedOnly] = [subjectOf(params[0]), flag(query, 'deletedOnly')]
      const deletedToo = flag(query, 'deleted') || deletedOnly
      if (!registry.catalog.hasSubject(subject, deletedToo)) throw errors.subjectNotFound(subject)
      return page(query, registry.catalog.versions(subject, deletedToo).filter(one => !deletedOnly || one.deleted).map(one => one.version), MAX_PAGE)
    }),
    at('POST', '/subjects/:subject/versions', async ({ params, query, body }) =>
      registrationAnswer(await registry.registerSchema(subjectOf(params[0]), schemaRequest(body), flag(query, 'normalize')))),
    at('GET', '/subjects/:subject/versions/:version', request => answerOf(registry, version(request), request.query)),
    at('DELETE', '/subjects/:subject/versions/:version', async ({ params, query }) =>
      await registry.removeVersion(subjectOf(params[0]), versionOf(params[1]), flag(query, 'permanent'))),
    at('GET', '/subjects/:subject/versions/:version/schema', request => registry.catalog.textOf(version(request), request.query.get('format'))),
    at('GET', '/subjects/:subject/versions/:version/referencedby', ({ params, query }) => {
      const one = registry.catalog.version(subjectOf(params[0]), versionOf(params[1]), true)
      return page(query, registry.catalog.referencedBy(one.subject, one.version, flag(query, 'deleted')), MAX_PAGE)
    })
  ]
}

function schemaRoutes (registry: Registry): Route[] {
  /** All places of the id, deleted ones if asked for. Throws 40403 where the id is unknown. */
  const places = ({ params, query }: RouteRequest) => {
    const all = registry.catalog.versionsOfId(idOf(params[0]))
    if (all.length === 0) throw errors.schemaNotFound()
    return all.filter(one => flag(query, 'deleted') || !one.deleted)
  }
  const byId = ({ params, query }: RouteRequest) => {
    const found = registry.catalog.versionsOfId(idOf(params[0]))[0]
    if (found === undefined) throw errors.schemaNotFound(idOf(params[0]))
    return { ...found, schema: registry.catalog.textOf(found, query.get('format')) }
  }
  return [
    at('GET', '/schemas', ({ query }) => {
      const deletedToo = flag(query, 'deleted')
      const latestOnly = flag(query, 'latestOnly')
      const all = registry.catalog.subjects(prefixOf(query), 'all').flatMap(subject => registry.catalog.versions(subject, deletedToo).slice(latestOnly ? -1 : 0))
      return page(query, all, MAX_PAGE).map(schemaAnswer)
    }),
    at('GET', '/schemas/types', () => SCHEMA_TYPES),
    at('GET', '/schemas/ids/:id', request => schemaString(byId(request), flag(request.query, 'fetchMaxId') ? registry.catalog.maxId : undefined)),
    at('GET', '/schemas/ids/:id/schema', request => byId(request).schema),
    at('GET', '/schemas/ids/:id/subjects', request => page(request.query, [...new Set(places(request).map(one => one.subject))], MAX_SUBJECTS)),
    at('GET', '/schemas/ids/:id/versions', request => page(request.query, places(request).map(({ subject, version }) => ({ subject, version })), MAX_PAGE))
  ]
}

function compatibilityRoutes (registry: Registry): Route[] {
  const check = ({ params, query, body }: RouteRequest, version: number | undefined) => {
    const verbose = flag(query, 'verbose')
    let messages: string[]
    try {
      messages = registry.catalog.compatibility(subjectOf(params[0]), schemaRequest(body), version, flag(query, 'normalize'))
    } catch (error) {
      if (!verbose || !(error instanceof RegistryError) || error.errorCode !== 42201) throw error
      messages = [error.message]
    }
    return { is_compatible: messages.length === 0, messages: verbose ? messages : undefined }
  }
  return [
    at('POST', '/compatibility/subjects/:subject/versions', request => check(request, undefined)),
    at('POST', '/compatibility/subjects/:subject/versions/:version', request => check(request, versionOf(request.params[1])))
  ]
}

function settingRoutes (registry: Registry, path: string, pick: (params: readonly string[]) => string | undefined): Route[] {
  const checked = (params: readonly string[]) => {
    const subject = pick(params)
    if (subject?.startsWith(':.')) throw errors.invalidSubject(subject)
    return subject
  }
  return [
    at('GET', `/config${path}`, ({ params, query }) => {
      const subject = pick(params)
      const config = flag(query, 'defaultToGlobal') ? registry.catalog.configInScope(subject) : registry.catalog.config(subject)
      if (config === undefined) throw errors.compatibilityNotConfigured(subject ?? '')
      return configAnswer(config)
    }),
    at('PUT', `/config${path}`, async ({ params, body }) => {
      const { config, answer } = configRequest(body)
      await registry.setConfig(checked(params), config)
      return answer
    }),
    at('DELETE', `/config${path}`, async ({ params }) => configAnswer(await registry.removeConfig(pick(params)))),
    at('GET', `/mode${path}`, ({ params, query }) => {
      const subject = pick(params)
      const mode = flag(query, 'defaultToGlobal') ? registry.catalog.modeInScope(subject) : registry.catalog.mode(subject)
      if (mode === undefined) throw errors.modeNotConfigured(subject ?? '')
      return { mode }
    }),
    at('PUT', `/mode${path}`, async ({ params, query, body }) => {
      const mode = modeRequest(body)
      await registry.setMode(checked(params), mode, flag(query, 'force'))
      return { mode }
    }),
    at('DELETE', `/mode${path}`, async ({ params }) => ({ mode: await registry.removeMode(pick(params)) }))
  ]
}

/** The API of Schema Registry 7.9, whose version it names. */
export function routes (registry: Registry): Route[] {
  return [
    at('GET', '/', () => ({})),
    at('GET', '/contexts', () => ['.']),
    at('GET', '/v1/metadata/id', () => ({ scope: { path: [], clusters: { 'kafka-cluster': registry.clusterId, 'schema-registry-cluster': 'schema-registry' } } })),
    at('GET', '/v1/metadata/version', () => ({ version: '7.9.1', commitId: '75874028ee' })),
    ...subjectRoutes(registry),
    ...schemaRoutes(registry),
    ...compatibilityRoutes(registry),
    ...settingRoutes(registry, '', () => undefined),
    ...settingRoutes(registry, '/:subject', ([subject]) => subjectOf(subject))
  ]
}
