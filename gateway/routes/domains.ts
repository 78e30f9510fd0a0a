// /api/domains: the hosts that short links are served on, and where their root and their unknown slugs lead.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { hostOfPath } from '../domains/host.js'
import type { Domain as DomainRow } from '../queries/domains.js'
import { nullable, problems } from './schemas.js'
import { iso } from '../instant.js'

const instant = Type.String({ format: 'date-time' })
const url = (description: string) => nullable(Type.String({ description, examples: ['https://example.com/'] }))

const DomainBody = Type.Object({
  defaultUrl: Type.Optional(url('Where the root of the domain leads; null or left out: nowhere')),
  notFoundUrl: Type.Optional(url('Where an unknown or dead slug leads, with a 302; null or left out: it is a 404 or 410')),
  reason: Type.Optional(nullable(Type.String({ maxLength: 500, description: 'Why, for the log' })))
}, { additionalProperties: false })

const Domain = Type.Object({
  host: Type.String(),
  version: Type.Integer({ description: 'How many changes it has had' }),
  defaultUrl: nullable(Type.String()),
  notFoundUrl: nullable(Type.String()),
  createdAt: instant,
  updatedAt: instant,
  updatedBy: Type.String()
})

const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 255, description: 'Host name, with a port where it is not that of the protocol' }) })

const toDomain = ({ host, version, defaultUrl, notFoundUrl, createdAt, updatedAt, actor }: DomainRow) =>
  ({ host, version, defaultUrl, notFoundUrl, createdAt: iso(createdAt), updatedAt: iso(updatedAt), updatedBy: actor })

export const domainRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/api/domains', {
    schema: {
      tags: ['domains'], summary: 'All domains that are served', description: 'The default domain is among them where something is set for it.',
      response: { 200: Type.Object({ domains: Type.Array(Domain) }), ...problems(503) }
    }
  }, async () => ({ domains: app.domains.all().map(toDomain) }))

  app.get('/api/domains/:host', {
    schema: { tags: ['domains'], summary: 'A domain', params: HostParams, response: { 200: Domain, ...problems(400, 404, 503) } }
  }, async request => toDomain(app.domainCommands.get(hostOfPath(request.params.host))))

  app.put('/api/domains/:host', {
    schema: {
      tags: ['domains'],
      summary: 'Set a domain',
      description: 'All of it: what is left out is taken away. 201 where it was not served before. The last of two who set one domain at once stands.',
      params: HostParams,
      body: DomainBody,
      response: { 200: Domain, 201: Domain, ...problems(400, 409, 413, 415, 422, 503) }
    }
  }, async (request, reply) => {
    const { defaultUrl = null, notFoundUrl = null, reason = null } = request.body
    const by = { actor: request.actor, reason }
    const { domain, isNew } = await app.domainCommands.set(hostOfPath(request.params.host), { defaultUrl, notFoundUrl }, by)
    return await reply.code(isNew ? 201 : 200).send(toDomain(domain))
  })

  app.delete('/api/domains/:host', {
    schema: {
      tags: ['domains'],
      summary: 'Serve a domain no more',
      description: 'Requests for it are taken for the default domain from then on. Its links are kept, and are there again once it is set again.',
      params: HostParams,
      querystring: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 500, description: 'Why, for the log' })) }, { additionalProperties: false }),
      response: { 204: { description: 'It is removed', type: 'null' }, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    await app.domainCommands.remove(hostOfPath(request.params.host), { actor: request.actor, reason: request.query.reason ?? null })
    return await reply.code(204).send(null)
  })
}
