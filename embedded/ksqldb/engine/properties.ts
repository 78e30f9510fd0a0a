// Session properties: which there are, what their names mean, and which defaults SHOW PROPERTIES prints.
import { EngineError } from './errors.js'
import { SERVER_PROPERTIES } from './server-properties.js'

/** Property names to values, all as text. */
export type Properties = Readonly<Record<string, string>>

const STREAMS_PREFIX = 'ksql.streams.'

/** What a server has that nobody configured: the values of ksqlDB 7.9, and the defaults of what the engine reads besides. */
export const SERVER_DEFAULTS: Properties = {
  'ksql.streams.auto.offset.reset': 'latest',
  'ksql.functions.collect_list.limit': '-1',
  'ksql.functions.collect_set.limit': '-1',
  'ksql.functions.substring.legacy.args': 'false',
  ...Object.fromEntries(SERVER_PROPERTIES.flatMap(({ name, value }) => value === null ? [] : [[name, value]]))
}

const KNOWN: ReadonlySet<string> = new Set([...Object.keys(SERVER_DEFAULTS), ...SERVER_PROPERTIES.map(property => property.name)])

/** Server properties that a statement's session may not set, by ksqlDB's immutable list. */
const IMMUTABLE: ReadonlySet<string> = new Set([
  'bootstrap.servers', 'listeners', 'application.id', 'application.server', 'num.standby.replicas', 'ksql.service.id', 'ksql.queries.file',
  'ksql.extension.dir', 'ksql.streams.bootstrap.servers', 'ksql.streams.application.id', 'ksql.streams.state.dir', 'state.dir'
])

/** The name without `ksql.streams.`. */
export function bareName (name: string): string {
  return name.startsWith(STREAMS_PREFIX) ? name.slice(STREAMS_PREFIX.length) : name
}

/** True for a name by which the server knows a property, with or without `ksql.streams.`. */
export function isKnownProperty (name: string): boolean {
  return KNOWN.has(name) || KNOWN.has(STREAMS_PREFIX + name) || name.startsWith('ksql.functions.')
}

/** True where no session may set it. */
export function isImmutable (name: string): boolean {
  return IMMUTABLE.has(name)
}

/** A request's properties as text by their bare names. null values are left out. Throws EngineError for what no session may set. */
export function sessionProperties (given: Readonly<Record<string, unknown>>): Record<string, string> {
  const properties: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (isImmutable(name)) throw new EngineError(`Cannot override property '${name}'`)
    if (value === null || value === undefined) continue
    properties[bareName(name)] = checkValue(name, typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean))
  }
  return properties
}

/** Throws EngineError where the value cannot be the property's. `text`: the statement that sets it. */
export function checkValue (name: string, value: string, text?: string): string {
  if (bareName(name) === 'auto.offset.reset' && value !== 'earliest' && value !== 'latest') {
    throw new EngineError(`Not able to set '${name}' to '${value}': Invalid value ${value} for configuration auto.offset.reset: ` +
      (value === 'none' ? "'none' is not valid for this property within KSQL" : 'String must be one of: latest, earliest, none'), text)
  }
  return value
}
