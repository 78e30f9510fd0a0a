// Visits one by one: a link's on the log in pages, as they happen as server-sent events, and the recount that the tables are held against.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { checkVisitReach } from '../access/visit-reach.js'
import { parsePosition, type Position } from '../changes/position.js'
import type { KeyRing } from '../erasure/key-ring.js'
import type { LinkCounts, Scope } from '../queries/visit-tables.js'
import { EventStream } from '../visits/event-stream.js'
import type { LiveVisits } from '../visits/live.js'
import type { EventsCursor, VisitLog } from '../visits/log.js'
import { presentVisit } from '../visits/present.js'
import { refuse, type Bots } from '../visits/question.js'
import type { ScopeParameters, VisitScopes } from '../visits/scopes.js'
import type { Verifier } from '../visits/verification.js'
import { linkKey } from './link-answers.js'
import { LinkParams, problems } from './schemas.js'
import { whileAsked } from './while-asked.js'
import { EventsQuery, LiveHeaders, LiveQuery, scopeFields, Verification, VisitEvents } from './visit-schemas.js'
import { isoOrNull } from '../instant.js'

export interface VisitLogRoutesOptions {
  readonly log: VisitLog
  /** What visits are opened with. */
  readonly keys: Pick<KeyRing, 'holdFor' | 'open' | 'refresh'>
  readonly live: LiveVisits
  readonly verifier: Verifier
  readonly scopes: VisitScopes
  readonly ends: () => Promise<ReadonlyMap<number, number>>
}

const limitPreset = 100
/** The year 9999: a page begins with the newest, whatever its clock said. */
const farthest = Date.UTC(9999, 0)

const toCursor = ({ hour, before }: EventsCursor): string => `${hour}-${before}`
const fromCursor = (text: string): EventsCursor => {
  const [hour, before] = text.split('-').map(Number)
  if (hour === undefined || before === undefined || hour > farthest || !Number.isSafeInteger(before)) throw refuse('cursor', 'is not the next of a page')
  return { hour, before }
}

const present = ({ total, withoutBots, records, firstVisit, lastVisit }: LinkCounts) => ({
  total,
  withoutBots,
  ...(records !== undefined && { records }),
  ...(firstVisit !== undefined && { firstVisit: isoOrNull(firstVisit) }),
  ...(lastVisit !== undefined && { lastVisit: isoOrNull(lastVisit) })
})

/** Where Last-Event-ID says that a listener stands. @throws LinklogError invalid_request. */
const placeOf = async (text: string | undefined, { log, ends }: VisitLogRoutesOptions): Promise<Position | undefined> => {
  if (text === undefined || text === '') return undefined
  const [partitions, end] = await Promise.all([log.partitions(), ends()])
  const place = parsePosition(text, partitions.length)
  if (place === undefined || place.some((offset, partition) => offset > (end.get(partition) ?? 0))) throw refuse('last-event-id', 'is no place in this log')
  return place
}

const listen = async (
  request: FastifyRequest, reply: FastifyReply, scope: Scope | undefined, options: VisitLogRoutesOptions
): Promise<FastifyReply> => {
  const from = await placeOf(request.headers['last-event-id'] as string | undefined, options)
  const stream = new EventStream()
  await options.live.join(stream, scope, (request.query as { bots?: Bots }).bots ?? 'include', from)
  return await reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(stream)
}

const liveAnswer = { 200: { description: 'The stream', content: { 'text/event-stream': { schema: Type.String() } } } }
const liveDescription = 'Server-sent events: each a visit, its id the place in the log behind it. Last-Event-ID goes on from there.'

export const visitLogRoutes: FastifyPluginAsyncTypebox<VisitLogRoutesOptions> = async (app, options) => {
  const { log, keys, verifier, scopes } = options

  app.get('/api/links/:link/visits/events', {
    schema: {
      tags: ['visits'],
      summary: 'The visits of a link one by one, newest first',
      params: LinkParams,
      querystring: EventsQuery,
      response: { 200: VisitEvents, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const link = linkKey(request.params.link)
    const { from, to, limit, cursor } = request.query
    const period = { from: from === undefined ? 0 : Math.max(0, Date.parse(from)), to: to === undefined ? farthest : Date.parse(to) }
    if (period.from >= period.to) throw refuse('from', 'must be earlier than to')
    const after = cursor === undefined ? undefined : fromCursor(cursor)
    await app.links.get(link)
    const { visits, next } = await log.page(link, period, limit ?? limitPreset, after, whileAsked(reply))
    await keys.refresh() // what any gateway has erased by now is not told
    const presented: ReturnType<typeof presentVisit>[] = []
    for (const visit of visits) {
      await keys.holdFor(visit)
      presented.push(presentVisit(visit, keys))
    }
    return { link, visits: presented, next: next === undefined ? null : toCursor(next) }
  })

  app.get('/api/links/:link/visits/live', {
    schema: {
      tags: ['visits'], summary: 'The visits of a link as they happen', description: liveDescription, params: LinkParams,
      querystring: LiveQuery, headers: LiveHeaders, response: { ...liveAnswer, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const link = linkKey(request.params.link)
    await app.links.get(link)
    return await listen(request, reply, { of: 'links', names: [link] }, options) as never
  })

  app.get('/api/visits/live', {
    schema: {
      tags: ['visits'], summary: 'The visits of several links, a tag, a domain, or all, as they happen', description: liveDescription,
      querystring: Type.Object({ ...scopeFields, ...LiveQuery.properties }, { additionalProperties: false }), headers: LiveHeaders,
      response: { ...liveAnswer, ...problems(400, 403, 422, 503) }
    }
  }, async (request, reply) => {
    const { links, tag, domain } = request.query as ScopeParameters
    const { scope, echo } = await scopes.find({ links, tag, domain })
    checkVisitReach(request.key, echo, scopes.host)
    return await listen(request, reply, scope, options) as never
  })

  app.get('/api/links/:link/verify', {
    schema: {
      tags: ['visits'],
      summary: 'Recount the log for a link, and compare the tables',
      description: 'Reads the partition of the log that holds the link, one at a time and for a minute at most.',
      params: LinkParams,
      response: { 200: Verification, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const link = linkKey(request.params.link)
    await app.links.get(link)
    const { log: counted, tables, differences, ...verdict } = await verifier.verify(link, whileAsked(reply))
    return {
      link,
      ...verdict,
      log: { partition: counted.partition, offset: counted.offset, ...present(counted) },
      tables: tables === null ? null : Object.fromEntries(Object.entries(tables).map(([name, counts]) => [name, present(counts)])),
      differences: [...differences]
    }
  })
}
