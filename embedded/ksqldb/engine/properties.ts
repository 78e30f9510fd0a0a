// Session properties: which there are, what their names mean, and which defaults SHOW PROPERTIES prints.
import { EngineError } from './errors.js'

/** Property names to values, all as text. */
export type Properties = Readonly<Record<string, string>>

const STREAMS_PREFIX = 'ksql.streams.'

/** What a server has that nobody configured: the values of ksqlDB 7.9. Those of `ksql.streams.` may be changed by a session. */
export const SERVER_DEFAULTS: Properties = {
  'ksql.streams.auto.offset.reset': 'latest',
  'ksql.streams.cache.max.bytes.buffering': '10000000',
  'ksql.streams.commit.interval.ms': '2000',
  'ksql.streams.processing.guarantee': 'exactly_once_v2',
  'ksql.streams.num.stream.threads': '4',
  'ksql.persistence.default.format.key': 'KAFKA',
  'ksql.persistence.wrap.single.values': '',
  'ksql.service.id': 'default_',
  'ksql.output.topic.name.prefix': '',
  'ksql.functions.collect_list.limit': '-1',
  'ksql.functions.collect_set.limit': '-1',
  'ksql.functions.substring.legacy.args': 'false',
  'ksql.insert.into.values.enabled': 'true',
  'ksql.query.pull.enable.standby.reads': 'false',
  'ksql.query.pull.table.scan.enabled': 'true',
  'ksql.query.pull.stream.enabled': 'true',
  'ksql.query.pull.limit.clause.enabled': 'true',
  'ksql.query.pull.range.scan.enabled': 'true',
  'ksql.query.push.v2.enabled': 'false',
  'ksql.variable.substitution.enable': 'true',
  'ksql.timestamp.throw.on.invalid': 'false',
  'ksql.create.or.replace.enabled': 'true',
  'ksql.schema.registry.url': '',
  'ksql.queries.file': '',
  'ksql.lambdas.enabled': 'true',
  'ksql.source.table.materialization.enabled': 'true',
  'ksql.rowpartition.rowoffset.enabled': 'true',
  'ksql.headers.columns.enabled': 'true',
  'ksql.json_sr.converter.deserializer.enabled': 'true'
}

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
  return name in SERVER_DEFAULTS || `${STREAMS_PREFIX}${name}` in SERVER_DEFAULTS
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

/** Throws EngineError where the value cannot be the property's. */
export function checkValue (name: string, value: string): string {
  if (bareName(name) === 'auto.offset.reset' && value !== 'earliest' && value !== 'latest') {
    throw new EngineError(`Not able to set '${name}' to '${value}': Invalid value ${value} for configuration auto.offset.reset: ` +
      (value === 'none' ? "'none' is not valid for this property within KSQL" : 'String must be one of: latest, earliest, none'))
  }
  return value
}
