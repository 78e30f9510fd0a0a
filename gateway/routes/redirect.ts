// GET and HEAD /{slug}: where the link leads, and a visit in the spool before the answer leaves.
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { LinklogError, type ErrorCode } from '../errors.js'
import type { Outcome } from '../events/visit.js'
import { isReserved, isSlug } from '../links/slug.js'
import { decide, refusals } from '../redirect/decision.js'
import { classifyAgent } from '../visits/agent.js'
import type { VisitLimits } from '../visits/limits.js'
import { problems } from './schemas.js'

export interface RedirectOptions {
  readonly limits: VisitLimits
  readonly countryHeader: string | undefined
  readonly now: () => number
}

const problemOf: Readonly<Record<Exclude<Outcome, 'redirected'>, readonly [code: ErrorCode, detail: string]>> = {
  not_found: ['link_not_found', 'There is no such link'],
  expired: ['link_expired', 'This link is not valid at this time'],
  disabled: ['link_disabled', 'This link is switched off'],
  deleted: ['link_deleted', 'This link was deleted'],
  exhausted: ['link_exhausted', 'This link has had all its visits']
}

// every visit is to be asked for here, whatever the status says about permanence
const cacheControl = 'private, no-cache, max-age=0'

const queryOf = (url: string): string => {
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark + 1)
}

const single = (header: string | string[] | undefined): string | undefined => Array.isArray(header) ? header[0] : header

export const redirectRoute: FastifyPluginAsync<RedirectOptions> = async (app, { limits, countryHeader, now }) => {
  const answer = async (request: FastifyRequest<{ Params: { slug: string } }>, reply: FastifyReply): Promise<FastifyReply> => {
    const { slug } = request.params
    if (!isSlug(slug) || isReserved(slug)) throw new LinklogError('not_found', 'There is nothing here')
    const counts = request.method === 'GET'
    const target = app.targets.peek(slug) ?? await app.targets.get(slug)
    const userAgent = request.headers['user-agent']
    const facts = {
      userAgent,
      language: request.headers['accept-language'],
      country: countryHeader === undefined ? undefined : single(request.headers[countryHeader])
    }
    let decision = decide(target, { ...facts, query: queryOf(request.url), address: request.ip, draw: app.visitorDraw }, now())
    if (target !== null && target.maxVisits !== null && decision.outcome === 'redirected') {
      const takes = counts && !classifyAgent(userAgent).bot
      if (!await limits.take(slug, target.maxVisits, takes)) decision = refusals.exhausted
    }
    const { outcome, status, location, rule } = decision
    if (counts) {
      await app.visits.record({
        ...facts, link: slug, version: target?.version ?? 0, url: target?.url ?? null, outcome, rule, address: request.ip, referrer: request.headers.referer
      })
    }
    if (outcome !== 'redirected') throw new LinklogError(...problemOf[outcome])
    return await reply.code(status).header('location', location).header('cache-control', cacheControl).send()
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
