// Questions about visits: of one link, and of an original URL over all its links.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import { normaliseUrl } from '../links/url.js'
import type { Totals, VisitQueries } from '../queries/visits.js'
import { linkKey } from './links.js'
import { LinkParams, LinkVisits, problems, UrlVisits } from './schemas.js'

export interface VisitRoutesOptions { readonly queries: VisitQueries, readonly now: () => number }

const bucketMs = { hour: 3_600_000, day: 86_400_000 } as const
const defaultBuckets = { hour: 24, day: 30 } as const
const bucketsMax = 5_000

const iso = (ms: number): string => new Date(ms).toISOString()
const isoOrNull = (ms: number | null): string | null => ms === null ? null : iso(ms)
const presentTotals = ({ total, withoutBots, firstVisit, lastVisit }: Totals) =>
  ({ total, withoutBots, firstVisit: isoOrNull(firstVisit), lastVisit: isoOrNull(lastVisit) })

const refuse = (pointer: string, detail: string) => new LinklogError('invalid_request', `${pointer} ${detail}`, { errors: [{ pointer, detail }] })

/** The period asked for, begun at a whole hour or day (UTC); by default the last 24 hours or 30 days. */
const period = (by: 'hour' | 'day', fromText: string | undefined, toText: string | undefined, now: number): { from: number, to: number } => {
  const to = toText === undefined ? now + 1 : Date.parse(toText)
  const asked = fromText === undefined ? to - defaultBuckets[by] * bucketMs[by] : Date.parse(fromText)
  const from = Math.floor(asked / bucketMs[by]) * bucketMs[by]
  if (from >= to || asked > to) throw refuse('from', 'must be earlier than to')
  if ((to - from) / bucketMs[by] > bucketsMax) throw refuse('from', `must not be more than ${bucketsMax} ${by}s before to`)
  return { from, to }
}

export const visitRoutes: FastifyPluginAsyncTypebox<VisitRoutesOptions> = async (app, { queries, now }) => {
  app.get('/api/links/:link/visits', {
    schema: {
      tags: ['visits'],
      summary: 'Visits of a link',
      params: LinkParams,
      querystring: Type.Object({
        by: Type.Optional(Type.Unsafe<'hour' | 'day'>({ type: 'string', enum: ['hour', 'day'], description: 'Adds a series (UTC)' })),
        from: Type.Optional(Type.String({ format: 'date-time' })),
        to: Type.Optional(Type.String({ format: 'date-time', description: 'Not included' }))
      }, { additionalProperties: false }),
      response: { 200: LinkVisits, ...problems(400, 404, 503) }
    }
  }, async request => {
    const link = linkKey(request.params.link)
    const { by, from, to } = request.query
    if (by === undefined && (from !== undefined || to !== undefined)) throw refuse('by', 'must be hour or day where from or to is given')
    const asked = by === undefined ? undefined : { by, ...period(by, from, to, now()) }
    const [totals, sources, buckets] = await Promise.all([
      queries.byLink(link),
      queries.sources(link),
      asked === undefined ? undefined : queries.series(link, asked.by, asked.from, asked.to),
      app.links.get(link)
    ])
    const { visitors, referrers, browsers, systems, devices, countries } = sources
    return {
      link,
      ...presentTotals(totals),
      visitors,
      referrers,
      browsers,
      os: systems,
      devices,
      countries,
      ...(asked !== undefined && buckets !== undefined && {
        series: { by: asked.by, from: iso(asked.from), to: iso(asked.to), buckets: buckets.map(({ start, ...counts }) => ({ start: iso(start), ...counts })) }
      })
    }
  })

  app.get('/api/analytics', {
    schema: {
      tags: ['visits'],
      summary: 'Visits of an original URL over all its links',
      description: 'A URL that no link leads to has none: 0, not an error.',
      querystring: Type.Object({ url: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
      response: { 200: UrlVisits, ...problems(400, 422, 503) }
    }
  }, async request => {
    const url = normaliseUrl(request.query.url, new Set(), 'url')
    return { url, ...presentTotals(await queries.byUrl(url)) }
  })
}
