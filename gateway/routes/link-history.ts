// /api/links/{link}/revisions, /scheduled and /events: who changed what, when and why, and what lies ahead.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import { present, presentScheduled } from '../links/document.js'
import { differenceOf, rejectionsOf } from '../links/revisions.js'
import { aheadAt, docAt } from '../links/schedule.js'
import type { LinkHistory } from '../queries/links.js'
import { iso } from '../instant.js'
import { etag, linkKey } from './link-answers.js'
import { EventStatus, LinkParams, problems, Revisions, Scheduled } from './schemas.js'

const revisionsPage = 100
const revisionsPageMax = 1_000

export const toRevision = ({ revisions }: Pick<LinkHistory, 'revisions'>, index: number) => {
  const revision = revisions[index]
  if (revision === undefined) throw new RangeError(`no revision ${index}`)
  const { eventId, type, occurredAt, actor, reason, baseVersion, doc, validFrom, scheduled, revertedTo } = revision
  const before = revisions[index - 1]
  return {
    version: index + 1,
    eventId,
    type,
    occurredAt: iso(occurredAt),
    actor,
    reason,
    baseVersion,
    difference: before === undefined ? null : [...differenceOf(before, revision)],
    effectiveAt: validFrom === null ? null : iso(validFrom),
    revertedTo,
    ...present(docAt(doc, scheduled, occurredAt)),
    scheduled: presentScheduled(aheadAt(scheduled, occurredAt))
  }
}

/** The losing events that came while the link stood at the versions of the page, or before the first. */
const toRejected = (history: LinkHistory, from: number, below: number) => rejectionsOf(history)
  .filter(({ versionThen }) => versionThen >= from && versionThen < below)
  .flatMap(({ index, versionThen, lostTo, explanation }) => {
    const attempt = history.attempts[index]
    if (attempt === undefined) return []
    const { eventId, type, occurredAt, actor, baseVersion } = attempt
    return [{ eventId, type, occurredAt: iso(occurredAt), actor, baseVersion, versionThen, lostTo: lostTo ?? null, explanation }]
  })

const toPage = (history: LinkHistory, from: number, limit: number, includeRejected: boolean) => {
  const { revisions, link } = history
  const end = Math.min(from - 1 + limit, revisions.length)
  const next = end < revisions.length ? end + 1 : null
  return {
    link,
    version: revisions.length,
    revisions: Array.from({ length: Math.max(0, end - from + 1) }, (_, n) => toRevision(history, from - 1 + n)),
    next,
    ...(includeRejected && { rejected: toRejected(history, from === 1 ? 0 : from, next ?? Infinity) })
  }
}

export const linkHistoryRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/api/links/:link/revisions', {
    schema: {
      tags: ['links'],
      summary: 'The history of a link',
      description: 'Every accepted event in order: who, when, why, and what it changed.',
      params: LinkParams,
      querystring: Type.Object({
        from: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1, description: 'The version to begin with' })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: revisionsPageMax, default: revisionsPage })),
        includeRejected: Type.Optional(Type.Boolean({ default: false, description: 'Also the events that were ignored, and why' }))
      }),
      response: { 200: Revisions, ...problems(400, 404, 503) }
    }
  }, async request => {
    const { from = 1, limit = revisionsPage, includeRejected = false } = request.query
    return toPage(await app.links.history(linkKey(request.params.link)), from, limit, includeRejected)
  })

  app.get('/api/links/:link/scheduled', {
    schema: {
      tags: ['links'],
      summary: 'The edits that lie ahead of a link',
      description: 'In the order in which they take effect, with who scheduled them, when and why.',
      params: LinkParams,
      response: { 200: Scheduled, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const { link, revisions } = await app.links.history(linkKey(request.params.link))
    const scheduled = presentScheduled(aheadAt(revisions.at(-1)?.scheduled ?? [], Date.now())).map(edit => {
      const made = revisions.find(({ eventId }) => eventId === edit.eventId)
      return { ...edit, actor: made?.actor ?? null, reason: made?.reason ?? null, scheduledAt: made === undefined ? null : iso(made.occurredAt) }
    })
    reply.header('etag', etag(revisions.length)).header('cache-control', 'no-cache')
    return { link, version: revisions.length, scheduled }
  })

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
