// /api/links: make, read and change links.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { FastifyReply } from 'fastify'
import { LinklogError } from '../errors.js'
import { present } from '../links/document.js'
import { rejectionsOf, type CommandResult, type LinkView } from '../links/service.js'
import { isLinkKey } from '../links/slug.js'
import type { LinkHistory } from '../queries/links.js'
import { CreateLinkBody, EventStatus, IdempotencyHeader, Link, LinkParams, PatchLinkBody, Pending, problems, Revisions } from './schemas.js'

export interface LinkRoutesOptions { readonly publicUrl: () => string }

const iso = (ms: number): string => new Date(ms).toISOString()
const etag = (version: number): string => `"${version}"`

/** @throws LinklogError invalid_link. */
export const linkKey = (text: string): string => {
  if (!isLinkKey(text)) throw new LinklogError('invalid_link', `"${text.slice(0, 100)}" is neither a slug nor host/slug`)
  return text
}

const shortUrl = (link: string, publicUrl: string): string =>
  link.includes('/') ? `${new URL(publicUrl).protocol}//${link}` : `${publicUrl}/${link}`

/** A link as the API shows it. */
export const toLink = ({ link, version, createdAt, updatedAt, doc }: LinkView, publicUrl: string) => ({
  link,
  slug: link.slice(link.indexOf('/') + 1),
  shortUrl: shortUrl(link, publicUrl),
  version,
  ...present(doc),
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt)
})

const toRevisions = (history: LinkHistory) => {
  const rejections = new Map(rejectionsOf(history).map(rejection => [rejection.index, rejection]))
  return {
    link: history.link,
    version: history.revisions.length,
    revisions: history.revisions.map(({ eventId, type, occurredAt, actor, reason, baseVersion, doc }, index) =>
      ({ version: index + 1, eventId, type, occurredAt: iso(occurredAt), actor, reason, baseVersion, ...present(doc) })),
    rejected: history.attempts.flatMap(({ eventId, type, occurredAt, actor, baseVersion }, index) => {
      const rejection = rejections.get(index)
      if (rejection === undefined) return []
      const { versionThen, lostTo, explanation } = rejection
      return [{ eventId, type, occurredAt: iso(occurredAt), actor, baseVersion, versionThen, lostTo: lostTo ?? null, explanation }]
    })
  }
}

/** Versions named by If-Match, or undefined for *. */
const seenVersions = (header: string | undefined): readonly number[] | undefined => {
  if (header === undefined) throw new LinklogError('if_match_required', 'Send the ETag of the version that you have seen as If-Match')
  if (header.trim() === '*') return undefined
  return header.split(',').map(part => {
    const match = /^\s*(W\/)?"(\d{1,15})"\s*$/.exec(part)
    if (match === null) throw new LinklogError('invalid_request', 'If-Match must be an ETag of this link, such as "3", or *', { errors: [{ pointer: 'if-match', detail: 'is not an ETag' }] })
    return match[1] === undefined ? Number(match[2]) : -1 // a weak ETag never matches (RFC 9110 13.1.1)
  })
}

const segment = (link: string): string => encodeURIComponent(link)

const sendResult = (reply: FastifyReply, result: CommandResult, publicUrl: string) => {
  if (result.kind === 'pending') {
    const { link, eventId } = result
    const statusUrl = `/api/links/${segment(link)}/events/${eventId}`
    return reply.code(202).header('location', statusUrl).header('retry-after', '1').send({ status: 'pending', link, eventId, statusUrl })
  }
  reply.header('etag', etag(result.view.version))
  if (result.isReplay === true) reply.header('idempotent-replayed', 'true')
  if (result.kind === 'created') reply.code(201).header('location', `/api/links/${segment(result.view.link)}`)
  else reply.code(200)
  return reply.send(toLink(result.view, publicUrl))
}

const writeProblems = problems(400, 409, 413, 415, 422, 503)

const createRoute: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, { publicUrl }) => {
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
    const context = { actor: request.actor, idempotencyKey: request.headers['idempotency-key'] }
    const result = await app.links.create(slug === undefined ? fields : { ...fields, slug }, context)
    return sendResult(reply, result, publicUrl())
  })

  app.patch('/api/links/:link', {
    schema: {
      tags: ['links'],
      summary: 'Change a link',
      params: LinkParams,
      headers: Type.Intersect([IdempotencyHeader, Type.Object({ 'if-match': Type.Optional(Type.String({ description: 'The ETag of the version seen; required' })) })]),
      body: PatchLinkBody,
      response: { 200: Link, 202: Pending, ...writeProblems, ...problems(404, 410, 412, 428) }
    }
  }, async (request, reply) => {
    const seen = seenVersions(request.headers['if-match'])
    const context = { actor: request.actor, idempotencyKey: request.headers['idempotency-key'] }
    return sendResult(reply, await app.links.edit(linkKey(request.params.link), seen, request.body, context), publicUrl())
  })
}

const readRoutes: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, { publicUrl }) => {
  app.get('/api/links/:link', {
    schema: { tags: ['links'], summary: 'A link as it stands', params: LinkParams, response: { 200: Link, ...problems(400, 404, 503) } }
  }, async (request, reply) => {
    const view = await app.links.get(linkKey(request.params.link))
    return reply.header('etag', etag(view.version)).header('cache-control', 'no-cache').send(toLink(view, publicUrl()))
  })

  app.get('/api/links/:link/revisions', {
    schema: {
      tags: ['links'],
      summary: 'The history of a link',
      description: 'Every accepted event, and those that were ignored with the reason.',
      params: LinkParams,
      response: { 200: Revisions, ...problems(400, 404, 503) }
    }
  }, async request => toRevisions(await app.links.history(linkKey(request.params.link))))

  app.get('/api/links/:link/events/:eventId', {
    schema: {
      tags: ['links'],
      summary: 'What became of an event',
      params: Type.Intersect([LinkParams, Type.Object({ eventId: Type.String({ minLength: 1, maxLength: 64 }) })]),
      response: { 200: EventStatus, ...problems(400, 404, 503) }
    }
  }, async request => {
    const { eventId } = request.params
    const history = await app.links.history(linkKey(request.params.link))
    const index = history.revisions.findIndex(revision => revision.eventId === eventId)
    if (index >= 0) return { eventId, link: history.link, status: 'accepted' as const, version: index + 1, explanation: null }
    const rejection = rejectionsOf(history).find(one => one.eventId === eventId)
    if (rejection === undefined) throw new LinklogError('event_not_found', `The views know no event ${eventId} on ${history.link} (yet)`)
    return { eventId, link: history.link, status: 'rejected' as const, version: null, explanation: rejection.explanation }
  })
}

export const linkRoutes: FastifyPluginAsyncTypebox<LinkRoutesOptions> = async (app, options) => {
  await app.register(createRoute, options)
  await app.register(readRoutes, options)
}
