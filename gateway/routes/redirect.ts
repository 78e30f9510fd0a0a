// GET and HEAD /{slug} as Fastify knows it: described for OpenAPI, and answered for requests that the fast path left alone, such as a slug with %-escapes.
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import { isReserved, isSlug } from '../links/slug.js'
import { problems } from './schemas.js'

export const redirectRoute: FastifyPluginAsync = async app => {
  const answer = (request: FastifyRequest<{ Params: { slug: string } }>, reply: FastifyReply): void => {
    const { slug } = request.params
    if (!isSlug(slug) || isReserved(slug)) throw new LinklogError('not_found', 'There is nothing here')
    reply.hijack()
    app.redirects.answer(request.raw, reply.raw, slug)
  }

  const redirected = { description: 'Where the link leads, in Location', type: 'null' }
  app.get<{ Params: { slug: string } }>('/:slug', {
    schema: {
      tags: ['redirects'],
      summary: 'Follow a link',
      description: 'HEAD answers the same and is not a visit.',
      params: Type.Object({ slug: Type.String() }),
      response: { 301: redirected, 302: redirected, 307: redirected, 308: redirected, ...problems(400, 404, 410, 429, 431, 503) }
    }
  }, answer)

  app.get<{ Params: { slug: string } }>('/:slug/pixel.gif', {
    schema: {
      tags: ['redirects'],
      summary: 'The tracking pixel of a link',
      description: 'One transparent dot, whatever the link. It is recorded as a visit with the outcome viewed, which is no redirect and uses no visit up.',
      params: Type.Object({ slug: Type.String() }),
      response: { 200: { description: 'The dot', content: { 'image/gif': { schema: { type: 'string', format: 'binary' } } } }, ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const { slug } = request.params
    if (!isSlug(slug) || isReserved(slug)) throw new LinklogError('not_found', 'There is nothing here')
    reply.hijack()
    app.redirects.view(request.raw, reply.raw, slug)
  })

  app.get('/', {
    schema: {
      tags: ['redirects'],
      summary: 'The root of a domain',
      description: 'Leads to the domain\'s defaultUrl, where one is set.',
      response: { 302: redirected, ...problems(404) }
    }
  }, async (request, reply) => {
    const defaultUrl = app.domains.of(request.host)?.defaultUrl ?? null
    if (defaultUrl === null) throw new LinklogError('not_found', 'There is nothing here')
    return await reply.code(302).header('location', defaultUrl).header('cache-control', 'private, no-cache, max-age=0').send()
  })
}
