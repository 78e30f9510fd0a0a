// /api/links: make, read and edit links.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import { contextOf, etag, linkKey, seenVersions, sendResult, toLink } from './link-answers.js'
import { linkCommandRoutes } from './link-commands.js'
import { linkHistoryRoutes } from './link-history.js'
import { CreateLinkBody, IdempotencyHeader, IfMatchHeader, Link, LinkParams, PatchLinkBody, Pending, problems } from './schemas.js'

export interface LinkRoutesOptions { readonly publicUrl: () => string }

const writeProblems = problems(400, 409, 413, 415, 422, 503)

const writeRoutes: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, { publicUrl }) => {
  app.post('/api/links', {
    schema: {
      tags: ['links'],
      summary: 'Make a link',
      description: 'Without a slug the same URL gives the same link: 201 the first time, 200 after that.',
      headers: IdempotencyHeader,
      body: CreateLinkBody,
      response: { 200: Link, 201: Link, 202: Pending, ...writeProblems }
    }
  }, async (request, reply) => {
    const { slug, ...fields } = request.body
    const result = await app.links.create(slug === undefined ? fields : { ...fields, slug }, contextOf(request))
    return sendResult(reply, result, publicUrl())
  })

  app.patch('/api/links/:link', {
    schema: {
      tags: ['links'],
      summary: 'Change a link, now or at an instant ahead',
      params: LinkParams,
      headers: Type.Intersect([IdempotencyHeader, IfMatchHeader('The ETag of the version seen, or *; required')]),
      body: PatchLinkBody,
      response: { 200: Link, 202: Pending, ...writeProblems, ...problems(404, 410, 412, 428) }
    }
  }, async (request, reply) => {
    const seen = seenVersions(request.headers['if-match'])
    const { reason, effectiveAt, ...fields } = request.body
    const result = await app.links.change(linkKey(request.params.link), { kind: 'edit', fields, effectiveAt }, { seen, reason }, contextOf(request))
    return sendResult(reply, result, publicUrl())
  })
}

const readRoute: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, { publicUrl }) => {
  app.get('/api/links/:link', {
    schema: {
      tags: ['links'],
      summary: 'A link as it stands, as it stood, or as it will stand',
      params: LinkParams,
      querystring: Type.Object({
        version: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'As it stood at this version' })),
        asOf: Type.Optional(Type.String({ format: 'date-time', description: 'As it stood at this instant; ahead: as it will stand, if nothing is done until then' }))
      }),
      response: { 200: Link, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const link = linkKey(request.params.link)
    const { version, asOf } = request.query
    if (version !== undefined && asOf !== undefined) {
      throw new LinklogError('invalid_request', 'version and asOf exclude each other', { errors: [{ pointer: 'asOf', detail: 'comes with version' }] })
    }
    const at = asOf === undefined ? undefined : Date.parse(asOf)
    if (Number.isNaN(at)) throw new LinklogError('invalid_request', 'asOf is not an instant', { errors: [{ pointer: 'asOf', detail: 'is not an instant' }] })
    const past = version !== undefined ? app.links.atVersion(link, version) : at !== undefined ? app.links.asOf(link, at) : undefined
    const view = await (past ?? app.links.get(link))
    reply.header('etag', etag(view.version)).header('cache-control', 'no-cache')
    return reply.send(toLink(view, publicUrl()))
  })
}

export const linkRoutes: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, options) => {
  await app.register(writeRoutes, options)
  await app.register(readRoute, options)
  await app.register(linkCommandRoutes, options)
  await app.register(linkHistoryRoutes)
}
