// app.codecs: the schemas of schemas/, registered with BACKWARD compatibility, and their compiled encoders. The only module that imports the registry client.
import fp from 'fastify-plugin'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Config, StackAddresses } from '../config.js'
import { AvroCodec } from '../events/avro.js'
import type { ApiKeyEvent } from '../events/api-key-event.js'
import type { DomainEvent } from '../events/domain-event.js'
import type { ErasureEvent } from '../events/erasure-event.js'
import type { LinkEvent } from '../events/link-event.js'
import type { Visit } from '../events/visit.js'
import type { WebhookEvent } from '../events/webhook-event.js'
import type { Names } from '../topics.js'

export interface Codecs {
  readonly linkEvent: AvroCodec<LinkEvent>
  readonly visit: AvroCodec<Visit>
  readonly apiKeyEvent: AvroCodec<ApiKeyEvent>
  readonly domainEvent: AvroCodec<DomainEvent>
  readonly webhookEvent: AvroCodec<WebhookEvent>
  readonly erasureEvent: AvroCodec<ErasureEvent>
}

declare module 'fastify' {
  interface FastifyInstance { codecs: Codecs }
}

/** The registry refused a schema, with its own reason: the schemas in this version cannot follow those in use. */
export class SchemaRefused extends Error {
  readonly code = 'LINKLOG_SCHEMA_REFUSED'
}

const atLeastBackward = new Set(['BACKWARD', 'BACKWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'])

// The client alone: the package's index loads the SDKs of every cloud, 0.6 s of the start. Even so it is loaded beside everything else,
// and awaited where it is first needed.
const registryModule = import('@confluentinc/schemaregistry/dist/schemaregistry-client.js')
registryModule.catch(() => {}) // reported where it is awaited

const clientFor = async (config: Config, stack: StackAddresses) => {
  const { SchemaRegistryClient } = await registryModule
  const credentials = config.schemaRegistryCredentials
  return new SchemaRegistryClient({
    baseURLs: [stack.schemaRegistryUrl],
    createAxiosDefaults: { timeout: 10_000 },
    ...(credentials !== undefined && {
      basicAuthCredentials: { credentialsSource: 'USER_INFO' as const, userInfo: `${credentials.username}:${credentials.password}` }
    })
  })
}

type Client = Awaited<ReturnType<typeof clientFor>>

/** A stricter level that an operator has set stays as it is. */
const ensureBackward = async (client: Client, subject: string): Promise<void> => {
  const { Compatibility } = await registryModule
  const level = await client.getCompatibility(subject).catch((error: { status?: number }) => {
    if (error.status === 404) return undefined
    throw error
  })
  if (level === undefined || !atLeastBackward.has(level)) await client.updateCompatibility(subject, Compatibility.BACKWARD)
}

const register = async <T>(client: Client, directory: string, subject: string, file: string): Promise<AvroCodec<T>> => {
  const schema = await readFile(path.join(directory, file), 'utf8')
  await ensureBackward(client, subject)
  try {
    const id = await client.register(subject, { schema, schemaType: 'AVRO' })
    return new AvroCodec<T>(schema, id)
  } catch (cause) {
    const { status, message } = cause as { status?: number, message?: string }
    if (status !== 409 && status !== 422) throw cause
    throw new SchemaRefused(`Schema Registry refused ${file} for subject ${subject}: ${message ?? 'no reason given'}`, { cause })
  }
}

export interface RegistryOptions { readonly config: Config, readonly stack: StackAddresses, readonly names: Names, readonly schemasDir: string }

/** Registers the schemas. @throws SchemaRefused where one cannot follow what is in use. */
export const registerSchemas = async ({ config, stack, names, schemasDir }: RegistryOptions): Promise<Codecs> => {
  const client = await clientFor(config, stack)
  try {
    const [linkEvent, visit, apiKeyEvent, domainEvent, webhookEvent, erasureEvent] = await Promise.all([
      register<LinkEvent>(client, schemasDir, `${names.linkEvents}-value`, 'link-events-value.avsc'),
      register<Visit>(client, schemasDir, `${names.visits}-value`, 'visits-value.avsc'),
      register<ApiKeyEvent>(client, schemasDir, `${names.apiKeyEvents}-value`, 'api-key-events-value.avsc'),
      register<DomainEvent>(client, schemasDir, `${names.domainEvents}-value`, 'domain-events-value.avsc'),
      register<WebhookEvent>(client, schemasDir, `${names.webhookEvents}-value`, 'webhook-events-value.avsc'),
      register<ErasureEvent>(client, schemasDir, `${names.erasureEvents}-value`, 'erasure-events-value.avsc')
    ])
    return { linkEvent, visit, apiKeyEvent, domainEvent, webhookEvent, erasureEvent }
  } finally {
    await client.close() // what follows encodes with the ids that it was given
  }
}

export const registryPlugin = fp<{ codecs: Codecs }>(async (app, { codecs }) => {
  app.decorate('codecs', codecs)
}, { name: 'registry' })
