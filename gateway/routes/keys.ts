// /api/keys: make, show and revoke API keys.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { scopes, type Scope } from '../access/scopes.js'
import { invalidField } from '../errors.js'
import type { ApiKey } from '../queries/api-keys.js'
import { nullable, problems } from './schemas.js'
import { iso, isoOrNull } from '../instant.js'

const instant = (description: string) => Type.String({ format: 'date-time', description })
const scope = Type.Unsafe<Scope>({ type: 'string', enum: [...scopes] })
const host = Type.String({ maxLength: 255, pattern: '^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\\d{1,5})?$', examples: ['go.example'] })
const tag = Type.String({ minLength: 1, maxLength: 50 })

const described = {
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '^\\S(?:.*\\S)?$', description: 'The actor in the history of links', examples: ['campaign tool'] }),
  scopes: Type.Array(scope, { minItems: 1, maxItems: scopes.length, uniqueItems: true, description: 'admin gives all', examples: [['links:read', 'links:write']] })
}

const CreateKeyBody = Type.Object({
  ...described,
  domains: Type.Optional(nullable(Type.Array(host, { maxItems: 20, uniqueItems: true, description: 'Hosts whose links alone the key reaches' }))),
  tags: Type.Optional(nullable(Type.Array(tag, { maxItems: 20, uniqueItems: true, description: 'The key reaches only links with one of these tags' }))),
  expiresAt: Type.Optional(nullable(instant('The key is good before this')))
}, { additionalProperties: false })

const Key = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  domains: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
  state: Type.Unsafe<'active' | 'expired' | 'revoked'>({ type: 'string', enum: ['active', 'expired', 'revoked'] }),
  createdAt: instant(''),
  createdBy: Type.String(),
  expiresAt: nullable(instant('')),
  revokedAt: nullable(instant('')),
  revokedBy: nullable(Type.String())
})

const CreatedKey = Type.Intersect([Key, Type.Object({ key: Type.String({ description: 'The key itself: shown this once and kept nowhere', examples: ['ll_5Kd3NBUAdUn_…'] }) })])
const KeyParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 32 }) })

const toKey = (key: ApiKey, now: number) => ({
  id: key.id,
  name: key.name,
  scopes: [...key.scopes],
  domains: [...key.domains],
  tags: [...key.tags],
  state: key.revokedAt !== null ? 'revoked' as const : key.expiresAt !== null && key.expiresAt <= now ? 'expired' as const : 'active' as const,
  createdAt: iso(key.createdAt),
  createdBy: key.createdBy,
  expiresAt: isoOrNull(key.expiresAt),
  revokedAt: isoOrNull(key.revokedAt),
  revokedBy: key.revokedBy
})

const writeRoutes: FastifyPluginAsyncTypebox<{ now: () => number }> = async (app, { now }) => {
  app.post('/api/keys', {
    schema: {
      tags: ['keys'],
      summary: 'Make an API key',
      description: 'Its text is in this answer and nowhere else. The first key ends the time in which the API needs none.',
      body: CreateKeyBody,
      response: { 201: CreatedKey, ...problems(400, 409, 413, 415, 422, 503) }
    }
  }, async (request, reply) => {
    const { name, scopes: asked, domains, tags, expiresAt } = request.body
    const until = expiresAt === undefined || expiresAt === null ? null : Date.parse(expiresAt)
    if (until !== null && until <= now()) throw invalidField('/expiresAt', 'must lie ahead')
    if (!app.keyRing.locked && !asked.includes('admin')) throw invalidField('/scopes', 'must have admin in the first key, or nobody could make a second')
    const { key, text } = await app.keys.create({ name, scopes: asked, domains: domains ?? [], tags: tags ?? [], expiresAt: until }, request.actor)
    return await reply.code(201).header('location', `/api/keys/${key.id}`).header('cache-control', 'no-store').send({ ...toKey(key, now()), key: text })
  })

  app.delete('/api/keys/:id', {
    schema: {
      tags: ['keys'],
      summary: 'Revoke an API key',
      description: 'For good, and on every gateway at once. Again is the same answer.',
      params: KeyParams,
      querystring: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 500, description: 'Why, for the log' })) }, { additionalProperties: false }),
      response: { 200: Key, ...problems(400, 404, 503) }
    }
  }, async request => toKey(await app.keys.revoke(request.params.id, request.actor, request.query.reason ?? null), now()))
}

export const keyRoutes: FastifyPluginAsyncTypebox<{ now: () => number }> = async (app, options) => {
  const { now } = options
  await app.register(writeRoutes, options)
  app.get('/api/keys', {
    schema: {
      tags: ['keys'], summary: 'All API keys', description: 'The oldest first, revoked ones too; never their text.',
      response: { 200: Type.Object({ keys: Type.Array(Key) }), ...problems(503) }
    }
  }, async () => ({ keys: (await app.keys.all()).map(key => toKey(key, now())) }))

  app.get('/api/keys/:id', {
    schema: { tags: ['keys'], summary: 'An API key', params: KeyParams, response: { 200: Key, ...problems(400, 404, 503) } }
  }, async request => toKey(await app.keys.get(request.params.id), now()))
}
