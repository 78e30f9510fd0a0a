// The only reader of the environment: every setting has one name, one default and one rule, and a wrong one stops the start by name.
import { Ajv, type ErrorObject } from 'ajv'
import path from 'node:path'

export interface Credentials { readonly username: string, readonly password: string }

/** The three addresses of the stack: a cluster's, or those that the embedded stack answers on. */
export interface StackAddresses {
  readonly kafkaBrokers: readonly string[]
  readonly schemaRegistryUrl: string
  readonly ksqldbUrl: string
}

export interface Config {
  readonly host: string
  readonly port: number
  /** Base of short URLs, without a trailing slash; undefined means: wherever the server listens. */
  readonly publicUrl: string | undefined
  /** Undefined means that the embedded stack is to be started. */
  readonly stack: StackAddresses | undefined
  readonly kafka: { readonly credentials: Credentials | undefined, readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', readonly ssl: boolean }
  readonly schemaRegistryCredentials: Credentials | undefined
  readonly ksqldbCredentials: Credentials | undefined
  /** Put before every topic, subject and (with - as _) ksqlDB name. Empty, or letters, digits and dashes. */
  readonly topicPrefix: string
  readonly topicPartitions: number
  readonly topicReplicationFactor: number
  readonly dataDir: string
  /** This gateway's own folder: its spool, its id. */
  readonly gatewayDir: string
  /** Gateways that share dataDir, and which of them this is, from 1. */
  readonly workers: number
  readonly worker: number
  readonly embedded: { readonly host: string, readonly kafkaPort: number, readonly registryPort: number, readonly ksqldbPort: number }
  readonly bodyLimitBytes: number
  readonly requestTimeoutMs: number
  /** How long a write waits to see itself accepted or refused before it answers 202. */
  readonly confirmTimeoutMs: number
  readonly pullTimeoutMs: number
  /** How long a list of links may take, its waiting included. */
  readonly scanTimeoutMs: number
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  /** Links held for redirects. */
  readonly cacheLinksMax: number
  /** How long a held link is believed while the feed of changes is down. */
  readonly cacheStaleMs: number
  readonly spoolBytesMax: number
  readonly spoolSegmentBytes: number
  readonly shipIntervalMs: number
  readonly visitorSecret: string | undefined
  readonly countryHeader: string | undefined
  readonly trustProxy: boolean | string
  /** Hosts and slugs that are blocked; undefined: none. */
  readonly blocklistFile: string | undefined
  /** Where others reach the service, when that is not the host: the address of a container's published port. */
  readonly publishedHost: string | undefined
  readonly allowAnonymous: boolean
  /** Whether webhooks may lead to addresses that are not public. */
  readonly webhookPrivateAddresses: boolean
  /** How long a delivery is tried before the webhook is given up. */
  readonly webhookGiveUpMs: number
  /** Requests a minute, by key or address, on one gateway; 0 is no limit. */
  readonly rateLimitReads: number
  readonly rateLimitWrites: number
  /** Unknown links and wrong keys a minute, by address. */
  readonly rateLimitMisses: number
  /** Whether requests of this machine are counted too. */
  readonly rateLimitLoopback: boolean
  readonly logLevel: string
}

/** Thrown for an environment that breaks a rule; the message has one line for each variable. */
export class ConfigError extends Error {
  readonly code = 'LINKLOG_CONFIG'
}

const port = (preset: number) => ({ type: 'integer', minimum: 0, maximum: 65535, default: preset })
const count = (preset: number, minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum, default: preset })
const text = { type: 'string', minLength: 1 }
const httpUrl = { type: 'string', pattern: '^https?://[^/?#\\s]+/?$' }
const brokers = { type: 'string', pattern: '^[^\\s,:/]+:\\d{1,5}(,[^\\s,:/]+:\\d{1,5})*$' }
const proxy = '(?:loopback|linklocal|uniquelocal|[0-9A-Fa-f.:]+(?:/\\d{1,3})?)'
const oneDay = 86_400_000

const schema = {
  type: 'object',
  properties: {
    HOST: { ...text, default: '127.0.0.1' },
    PORT: port(3000),
    PUBLIC_URL: { type: 'string', pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*)?$' },
    KAFKA_BROKERS: brokers,
    KAFKA_USERNAME: text,
    KAFKA_PASSWORD: text,
    KAFKA_SASL_MECHANISM: { type: 'string', enum: ['plain', 'scram-sha-256', 'scram-sha-512'], default: 'plain' },
    KAFKA_SSL: { type: 'boolean', default: false },
    SCHEMA_REGISTRY_URL: httpUrl,
    SCHEMA_REGISTRY_USERNAME: text,
    SCHEMA_REGISTRY_PASSWORD: text,
    KSQLDB_URL: httpUrl,
    KSQLDB_USERNAME: text,
    KSQLDB_PASSWORD: text,
    TOPIC_PREFIX: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9-]{0,62}$' },
    TOPIC_PARTITIONS: count(4, 1, 1000),
    TOPIC_REPLICATION_FACTOR: count(1, 1, 32),
    DATA_DIR: { ...text, default: './data' },
    // set by the process that starts workers, for each of them
    LINKLOG_WORKER: count(1, 1, 64),
    LINKLOG_WORKERS: count(1, 1, 64),
    EMBEDDED_HOST: { ...text, default: '127.0.0.1' },
    EMBEDDED_KAFKA_PORT: port(9092),
    EMBEDDED_REGISTRY_PORT: port(8081),
    EMBEDDED_KSQLDB_PORT: port(8088),
    BODY_LIMIT_BYTES: count(65_536, 1_024, 16_777_216),
    REQUEST_TIMEOUT_MS: count(30_000, 100, oneDay),
    CONFIRM_TIMEOUT_MS: count(10_000, 10, oneDay),
    PULL_TIMEOUT_MS: count(5_000, 10, oneDay),
    SCAN_TIMEOUT_MS: count(20_000, 10, oneDay),
    START_TIMEOUT_MS: count(120_000, 100, oneDay),
    STOP_TIMEOUT_MS: count(10_000, 100, oneDay),
    CACHE_LINKS_MAX: count(100_000, 1, 10_000_000),
    CACHE_STALE_MS: count(1_000, 0, oneDay),
    SPOOL_MAX_BYTES: count(1_073_741_824, 65_536, 1_099_511_627_776),
    SPOOL_SEGMENT_BYTES: count(16_777_216, 4_096, 1_073_741_824),
    SHIP_INTERVAL_MS: count(100, 0, 60_000),
    VISITOR_SECRET: { type: 'string', minLength: 16 },
    BLOCKLIST_FILE: text,
    COUNTRY_HEADER: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
    TRUST_PROXY: { type: 'string', pattern: `^(?:true|false|${proxy}(?:,\\s*${proxy})*)$` },
    PUBLISHED_HOST: text,
    ALLOW_ANONYMOUS: { type: 'boolean', default: false },
    WEBHOOK_PRIVATE_ADDRESSES: { type: 'boolean', default: false },
    WEBHOOK_GIVE_UP_MS: count(oneDay, 1_000, 30 * oneDay),
    RATE_LIMIT_READS: count(6_000, 0, 10_000_000),
    RATE_LIMIT_WRITES: count(1_200, 0, 10_000_000),
    RATE_LIMIT_MISSES: count(300, 0, 10_000_000),
    RATE_LIMIT_LOOPBACK: { type: 'boolean', default: false },
    LOG_LEVEL: { type: 'string', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], default: 'warn' }
  }
} as const

const explain = (error: ErrorObject, env: NodeJS.ProcessEnv): string => {
  const name = error.instancePath.slice(1)
  const secret = /PASSWORD|SECRET/.test(name)
  const rule = error.keyword === 'enum' ? `must be one of ${(error.params as { allowedValues: string[] }).allowedValues.join(', ')}` : error.message
  return `${name}${secret ? '' : `=${env[name] ?? ''}`} ${rule ?? 'is not valid'}`
}

type Settings = Record<string, string | number | boolean | undefined>

const validate = (env: NodeJS.ProcessEnv): Settings => {
  const settings: Settings = {}
  for (const name of Object.keys(schema.properties)) {
    const value = env[name]
    if (value !== undefined && value !== '') settings[name] = value
  }
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true })
  const check = ajv.compile(schema)
  if (!check(settings)) throw new ConfigError((check.errors ?? []).map(error => explain(error, env)).join('\n'))
  return settings
}

const addresses = (settings: Settings): StackAddresses | undefined => {
  const names = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'KSQLDB_URL'] as const
  const missing = names.filter(name => settings[name] === undefined)
  if (missing.length === names.length) return undefined
  if (missing.length > 0) {
    throw new ConfigError(`${missing.join(' and ')} must be set too: set all of ${names.join(', ')} to use a cluster, or none to start the embedded stack`)
  }
  return {
    kafkaBrokers: String(settings['KAFKA_BROKERS']).split(','),
    schemaRegistryUrl: String(settings['SCHEMA_REGISTRY_URL']).replace(/\/$/, ''),
    ksqldbUrl: String(settings['KSQLDB_URL']).replace(/\/$/, '')
  }
}

const credentials = (settings: Settings, of: string): Credentials | undefined => {
  const username = settings[`${of}_USERNAME`]
  const password = settings[`${of}_PASSWORD`]
  if (username === undefined && password === undefined) return undefined
  if (username === undefined || password === undefined) throw new ConfigError(`${of}_USERNAME and ${of}_PASSWORD must be set together`)
  return { username: String(username), password: String(password) }
}

const trustProxy = (value: Settings[string]): boolean | string =>
  value === undefined || value === 'false' ? false : value === 'true' ? true : String(value)

/**
 * Reads and checks the settings.
 * @throws ConfigError naming each variable and the rule that it breaks.
 */
export const readConfig = (env: NodeJS.ProcessEnv): Config => {
  const settings = validate(env)
  const number = (name: string) => settings[name] as number
  const optional = (name: string) => settings[name] as string | undefined
  return {
    host: String(settings['HOST']),
    port: number('PORT'),
    publicUrl: optional('PUBLIC_URL')?.replace(/\/+$/, ''),
    stack: addresses(settings),
    kafka: {
      credentials: credentials(settings, 'KAFKA'),
      mechanism: settings['KAFKA_SASL_MECHANISM'] as Config['kafka']['mechanism'],
      ssl: settings['KAFKA_SSL'] as boolean
    },
    schemaRegistryCredentials: credentials(settings, 'SCHEMA_REGISTRY'),
    ksqldbCredentials: credentials(settings, 'KSQLDB'),
    topicPrefix: optional('TOPIC_PREFIX') ?? '',
    topicPartitions: number('TOPIC_PARTITIONS'),
    topicReplicationFactor: number('TOPIC_REPLICATION_FACTOR'),
    dataDir: path.resolve(String(settings['DATA_DIR'])),
    gatewayDir: path.resolve(String(settings['DATA_DIR']), number('LINKLOG_WORKER') === 1 ? 'gateway' : `gateway-${number('LINKLOG_WORKER')}`),
    workers: number('LINKLOG_WORKERS'),
    worker: number('LINKLOG_WORKER'),
    embedded: {
      host: String(settings['EMBEDDED_HOST']),
      kafkaPort: number('EMBEDDED_KAFKA_PORT'),
      registryPort: number('EMBEDDED_REGISTRY_PORT'),
      ksqldbPort: number('EMBEDDED_KSQLDB_PORT')
    },
    bodyLimitBytes: number('BODY_LIMIT_BYTES'),
    requestTimeoutMs: number('REQUEST_TIMEOUT_MS'),
    confirmTimeoutMs: number('CONFIRM_TIMEOUT_MS'),
    pullTimeoutMs: number('PULL_TIMEOUT_MS'),
    scanTimeoutMs: number('SCAN_TIMEOUT_MS'),
    startTimeoutMs: number('START_TIMEOUT_MS'),
    stopTimeoutMs: number('STOP_TIMEOUT_MS'),
    cacheLinksMax: number('CACHE_LINKS_MAX'),
    cacheStaleMs: number('CACHE_STALE_MS'),
    spoolBytesMax: number('SPOOL_MAX_BYTES'),
    spoolSegmentBytes: number('SPOOL_SEGMENT_BYTES'),
    shipIntervalMs: number('SHIP_INTERVAL_MS'),
    visitorSecret: optional('VISITOR_SECRET'),
    countryHeader: optional('COUNTRY_HEADER')?.toLowerCase(),
    blocklistFile: optional('BLOCKLIST_FILE') === undefined ? undefined : path.resolve(String(settings['BLOCKLIST_FILE'])),
    trustProxy: trustProxy(settings['TRUST_PROXY']),
    publishedHost: optional('PUBLISHED_HOST'),
    allowAnonymous: settings['ALLOW_ANONYMOUS'] as boolean,
    webhookPrivateAddresses: settings['WEBHOOK_PRIVATE_ADDRESSES'] as boolean,
    webhookGiveUpMs: number('WEBHOOK_GIVE_UP_MS'),
    rateLimitReads: number('RATE_LIMIT_READS'),
    rateLimitWrites: number('RATE_LIMIT_WRITES'),
    rateLimitMisses: number('RATE_LIMIT_MISSES'),
    rateLimitLoopback: settings['RATE_LIMIT_LOOPBACK'] as boolean,
    logLevel: String(settings['LOG_LEVEL'])
  }
}
