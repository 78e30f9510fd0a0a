// GET and HEAD /{slug}: where the link leads, and a visit in the spool before the answer leaves.
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { LinklogError, type ErrorCode } from '../errors.js'
import type { Outcome } from '../events/visit.js'
import { isReserved, isSlug } from '../links/slug.js'
import { classifyAgent } from '../visits/agent.js'
import type { VisitLimits } from '../visits/limits.js'
import { problems } from './schemas.js'

export interface RedirectOptions {
  readonly limits: VisitLimits
  readonly countryHeader: string | undefined
  readonly now: () => number
}

type Found = NonNullable<Awaited<ReturnType<FastifyRequest['server']['targets']['get']>>>

const refusals: Readonly<Record<Exclude<Outcome, 'redirected'>, readonly [code: ErrorCode, detail: string]>> = {
  not_found: ['link_not_found', 'There is no such link'],
  expired: ['link_expired', 'This link is not valid at this time'],
  disabled: ['link_disabled', 'This link is switched off'],
  deleted: ['link_deleted', 'This link was deleted'],
  exhausted: ['link_exhausted', 'This link has had all its visits']
}

// every visit is to be asked for here, whatever the status says about permanence
const cacheControl = 'private, no-cache, max-age=0'

/** What a link answers now, but for the count of its visits. */
const outcomeOf = (target: Found | null, now: number): Outcome => {
  if (target === null) return 'not_found'
  if (target.deleted) return 'deleted'
  if (!target.enabled) return 'disabled'
  if (target.validFrom !== null && now < target.validFrom) return 'expired'
  if (target.validUntil !== null && now >= target.validUntil) return 'expired'
  return 'redirected'
}

/** The target, with the query of the short URL behind its own where the link says so. */
export const locationOf = (target: Pick<Found, 'url' | 'forwardQuery'>, requestUrl: string): string => {
  const query = requestUrl.indexOf('?')
  if (!target.forwardQuery || query < 0 || query === requestUrl.length - 1) return target.url
  const location = new URL(target.url)
  const more = requestUrl.slice(query + 1)
  location.search = location.search === '' ? more : `${location.search.slice(1)}&${more}`
  return location.href
}

const single = (header: string | string[] | undefined): string | undefined => Array.isArray(header) ? header[0] : header

export const redirectRoute: FastifyPluginAsync<RedirectOptions> = async (app, { limits, countryHeader, now }) => {
  const answer = async (request: FastifyRequest<{ Params: { slug: string } }>, reply: FastifyReply): Promise<FastifyReply> => {
    const { slug } = request.params
    if (!isSlug(slug) || isReserved(slug)) throw new LinklogError('not_found', 'There is nothing here')
    const counts = request.method === 'GET'
    const target = app.targets.peek(slug) ?? await app.targets.get(slug)
    let outcome = outcomeOf(target, now())
    if (outcome === 'redirected' && target !== null && target.maxVisits !== null) {
      const takes = counts && !classifyAgent(request.headers['user-agent']).bot
      if (!await limits.take(slug, target.maxVisits, takes)) outcome = 'exhausted'
    }
    if (counts) {
      await app.visits.record({
        link: slug,
        version: target?.version ?? 0,
        url: target?.url ?? null,
        outcome,
        address: request.ip,
        userAgent: request.headers['user-agent'],
        referrer: request.headers.referer,
        language: request.headers['accept-language'],
        country: countryHeader === undefined ? undefined : single(request.headers[countryHeader])
      })
    }
    if (outcome !== 'redirected' || target === null) {
      const [code, detail] = refusals[outcome === 'redirected' ? 'not_found' : outcome]
      throw new LinklogError(code, detail)
    }
    return await reply.code(target.redirectStatus).header('location', locationOf(target, request.url)).header('cache-control', cacheControl).send()
  }

  const redirected = { description: 'Where the link leads, in Location', type: 'null' }
  app.get<{ Params: { slug: string } }>('/:slug', {
    schema: {
      tags: ['redirects'],
      summary: 'Follow a link',
      description: 'HEAD answers the same and is not a visit.',
      params: Type.Object({ slug: Type.String() }),
      response: { 301: redirected, 302: redirected, 307: redirected, 308: redirected, ...problems(404, 410, 503) }
    }
  }, answer)
}
