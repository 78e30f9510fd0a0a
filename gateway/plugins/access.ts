// app.keys and the door of the API: who may call a route, by the key that the request brings and by what gateway/access/scopes.ts says of the route.
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { randomBytes, randomUUID } from 'node:crypto'
import { KeyRing } from '../access/key-ring.js'
import { KeyService } from '../access/key-service.js'
import { readKeyText, sameHash } from '../access/key-text.js'
import { checkHost, checkTags, hostOf, isRestricted, type Restriction } from '../access/restriction.js'
import { accessOf, grants, type Access } from '../access/scopes.js'
import type { Config } from '../config.js'
import { LinklogError } from '../errors.js'
import { followFeed } from '../ksqldb/feed.js'
import { ApiKeyQueries, type ApiKey } from '../queries/api-keys.js'
import { problems } from '../routes/schemas.js'
import type { Names } from '../topics.js'

declare module 'fastify' {
  interface FastifyInstance {
    keys: KeyService
    keyRing: KeyRing
  }
  interface FastifyContextConfig {
    /** What the route asks of a key; undefined where it is open to all. */
    access?: Access | undefined
  }
}

const realm = 'Bearer realm="linklog"'

const keyRequired = () => new LinklogError('key_required', 'Send an API key: Authorization: Bearer ll_…', { headers: { 'www-authenticate': realm } })
const keyInvalid = (detail: string) =>
  new LinklogError('key_invalid', detail, { headers: { 'www-authenticate': `${realm}, error="invalid_token"` } })
const scopeMissing = (scope: string) =>
  new LinklogError('scope_missing', `This key lacks the scope ${scope}`, { headers: { 'www-authenticate': `${realm}, error="insufficient_scope", scope="${scope}"` } })

/** The key of an Authorization header. @throws LinklogError key_required, key_invalid. */
export const keyOf = (ring: KeyRing, authorization: string | undefined, now: number): ApiKey => {
  if (authorization === undefined) throw keyRequired()
  const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  const read = text === undefined ? undefined : readKeyText(text)
  if (read === undefined) throw keyInvalid('What was sent is not an API key: they look like ll_<id>_<secret>')
  const key = ring.get(read.id)
  // one answer for both: which ids there are is nobody's business
  if (key === undefined || !sameHash(key.secretSha256, read.sha256)) throw keyInvalid('There is no such API key')
  if (key.revokedAt !== null) throw keyInvalid('This API key was revoked')
  if (key.expiresAt !== null && key.expiresAt <= now) throw keyInvalid('This API key has expired')
  return key
}

/** What a route asks for, written into its config, and into its schema for OpenAPI. */
const declare = (route: RouteOptions): void => {
  const access = accessOf(String([route.method].flat()[0]), route.url)
  route.config = { ...route.config, access }
  if (access === undefined || route.schema === undefined || route.schema.hide === true) return
  route.schema = {
    ...route.schema,
    security: [{ apiKey: [access.scope] }],
    response: { ...problems(401, 403, 429, 431, 500, 503), ...(route.schema.response as object | undefined) }
  }
}

interface Door { readonly ring: KeyRing, readonly now: () => number, readonly defaultHost: () => string }

const letIn = ({ ring, now }: Door) => async (request: FastifyRequest): Promise<void> => {
  const access = request.routeOptions.config.access
  if (access === undefined) return
  await ring.fresh().catch((cause: unknown) => {
    throw new LinklogError('unavailable', 'The API keys cannot be read', { cause, headers: { 'retry-after': '1' } })
  })
  // as long as no key was ever made, the API is open to whoever reaches it: the start has seen to it that this is the machine alone
  if (!ring.locked) return
  const key = keyOf(ring, request.headers.authorization, now())
  if (!grants(key.scopes, access.scope)) throw scopeMissing(access.scope)
  if (isRestricted(key) && access.reach === 'never') {
    throw new LinklogError('outside_restriction', 'This key is restricted to some links, and this route is about all')
  }
  request.key = key
}

const linkIn = (request: FastifyRequest): string => String((request.params as { link?: unknown }).link ?? '')

/** A restricted key and a route about one link: the link as it stands must be among the key's, and as it is asked to be, too. */
const checkLink = async (request: FastifyRequest, key: Restriction, defaultHost: string): Promise<void> => {
  checkHost(key, hostOf(linkIn(request), defaultHost))
  if (key.tags.length === 0) return
  const view = await request.server.links.get(linkIn(request)).catch((error: unknown) => {
    if (error instanceof LinklogError && error.code === 'link_not_found') return undefined
    throw error
  })
  if (view !== undefined) checkTags(key, view.doc.tags)
  const tags = (request.body as { tags?: readonly string[] | null } | null | undefined)?.tags
  if (request.method !== 'GET' && tags !== undefined) checkTags(key, tags ?? [])
}

const checkBody = (request: FastifyRequest, key: Restriction, defaultHost: string): void => {
  const { domain, tags } = request.body as { domain?: string | null, tags?: readonly string[] | null }
  checkHost(key, domain ?? defaultHost)
  checkTags(key, tags ?? [])
}

const keepWithin = ({ defaultHost }: Door) => async (request: FastifyRequest): Promise<void> => {
  const reach = request.routeOptions.config.access?.reach
  const { key } = request
  if (key === null || !isRestricted(key)) return
  if (reach === 'link') await checkLink(request, key, defaultHost())
  if (reach === 'body') checkBody(request, key, defaultHost())
}

/** The same URL gives the same link, which may be one that a restricted key does not reach. */
const showWithin = async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> => {
  const { key } = request
  const { tags } = (payload ?? {}) as { tags?: unknown }
  if (key !== null && request.routeOptions.config.access?.reach === 'body' && Array.isArray(tags)) checkTags(key, tags as string[])
  return payload
}

export interface AccessOptions { readonly config: Config, readonly names: Names, readonly publicUrl: () => string }

/**
 * The hooks alone, for an app whose keys come from elsewhere. Register before the routes, and before OpenAPI.
 * Hooks and decorators are added to the app itself.
 */
export const doorPlugin = fp<{ ring: KeyRing, now: () => number, publicUrl: () => string }>(async (app, { ring, now, publicUrl }) => {
  let host: string | undefined
  const defaultHost = () => {
    if (host !== undefined && app.server.listening) return host
    host = new URL(publicUrl()).host
    return host
  }
  const door: Door = { ring, now, defaultHost }
  app.decorate('keyRing', ring)
  app.addHook('onRoute', declare)
  app.addHook('onRequest', letIn(door))
  app.addHook('preHandler', keepWithin(door))
  app.addHook('preSerialization', showWithin)
}, { name: 'door', dependencies: ['actor'] })

/** Reads the keys and follows them. The feed starts with the app. */
export const accessPlugin = fp<AccessOptions>(async (app, { config, names, publicUrl }) => {
  const queries = new ApiKeyQueries(app.ksqldb, names)
  const ring = new KeyRing({ load: async () => await queries.all(), staleMs: config.cacheStaleMs, now: () => performance.now() })
  // the log itself says whether there are keys: the views may be behind it
  const offsets = await app.kafka.admin.fetchTopicOffsets(names.apiKeyEvents)
  if (offsets.some(({ high }) => high !== '0')) ring.lock()
  await app.register(doorPlugin, { ring, now: Date.now, publicUrl })
  app.decorate('keys', new KeyService({
    ring,
    write: async (id, event) => await app.kafka.events.append(names.apiKeyEvents, id, app.codecs.apiKeyEvent.encode(event)),
    newId: randomUUID,
    randomBytes,
    now: Date.now
  }))
  const stop = new AbortController()
  const feed = followFeed({
    open: async signal => await queries.changes(signal),
    onRow: key => ring.changed(key),
    onState: up => ring.setFeed(up),
    onError: error => app.log.warn({ err: error }, 'the feed of API keys broke: until it is back they are read again and again')
  }, stop.signal)
  app.addHook('preClose', async () => {
    stop.abort()
    await feed
  })
}, { name: 'access', dependencies: ['kafka', 'registry', 'ksqldb', 'actor'] })
