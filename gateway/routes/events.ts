// GET /api/events: the typed feed of changes of all links, as pages and as server-sent events, from any place of the log on.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type, type Static } from 'typebox'
import { behind } from '../changes/change-feed.js'
import { matches, toJson, type ChangeFilter } from '../changes/change.js'
import { formatPosition, parsePosition, type Position } from '../changes/position.js'
import { LinklogError } from '../errors.js'
import { linkEventTypes, type LinkEventType } from '../events/link-event.js'
import { documentFields, nullable, problems } from './schemas.js'
import { whileAsked } from './while-asked.js'
import { splitWords } from './words.js'

export interface EventRoutesOptions { readonly publicUrl: () => string }

const instant = (description: string) => Type.String({ format: 'date-time', description })
const position = (description: string) =>
  Type.String({ pattern: '^(?:start|now|\\d{1,15}(?:-\\d{1,15})*)$', maxLength: 4_000, description, examples: ['start', '15-22-3-0'] })
const eventType = Type.Unsafe<LinkEventType>({ type: 'string', enum: [...linkEventTypes] })
const listOf = (description: string, examples: string[]) => Type.String({ minLength: 1, maxLength: 2_000, description, examples })

export const ChangeEvent = Type.Object({
  id: Type.String({ description: 'Of the event: the same where it comes twice' }),
  type: eventType,
  link: Type.String(),
  version: Type.Integer({ description: 'Of the link, made by this event' }),
  occurredAt: instant(''),
  actor: Type.String(),
  reason: nullable(Type.String()),
  validFrom: nullable(instant('When a scheduled edit takes effect')),
  partition: Type.Integer(),
  offset: Type.Integer({ description: 'In the partition of the topic link-events' }),
  doc: Type.Object({ ...documentFields }, { description: 'The link as it is after the event' })
})

const EventsQuery = Type.Object({
  after: Type.Optional(position('Where to go on: the `next` of a page; start, or now. Pages begin at the start, server-sent events now')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Events in a page' })),
  type: Type.Optional(listOf('Only these types, separated by commas', ['LinkCreated,LinkDeleted'])),
  tag: Type.Optional(listOf('Only links with one of these tags after the event', ['spring'])),
  domain: Type.Optional(listOf('Only links on these hosts', ['go.example'])),
  link: Type.Optional(listOf('Only these links', ['mine']))
}, { additionalProperties: false })

const listenersMax = 5_000
const heartbeatMs = 15_000
const entriesPerPage = 200
/** Records that a page looks through for those asked for. */
const scannedMax = 5_000

const words = (text: string | undefined): readonly string[] => splitWords(text ?? '')

const refuse = (pointer: string, detail: string) => new LinklogError('invalid_request', `${pointer} ${detail}`, { errors: [{ pointer, detail }] })

const filterOf = (query: Static<typeof EventsQuery>, request: FastifyRequest): ChangeFilter => {
  const types = words(query.type)
  const unknown = types.find(type => !(linkEventTypes as readonly string[]).includes(type))
  if (unknown !== undefined) throw refuse('type', `must be some of ${linkEventTypes.join(', ')}`)
  return {
    types: types as LinkEventType[], links: words(query.link), tags: words(query.tag), domains: words(query.domain).map(host => host.toLowerCase()),
    within: request.key ?? undefined
  }
}

/** @throws LinklogError invalid_request at `pointer`. */
export const startingAt = async (app: FastifyInstance, text: string, pointer: string): Promise<Position> => {
  const partitions = await app.changes.partitions()
  if (text === 'now') return await app.changes.end()
  if (text === 'start') return Array.from({ length: partitions }, () => 0)
  const parsed = parsePosition(text, partitions)
  const end = await app.changes.end()
  if (parsed === undefined || parsed.some((offset, partition) => offset > (end[partition] ?? 0))) throw refuse(pointer, 'is no place in this log')
  return parsed
}

interface Asked { readonly from: Position, readonly filter: ChangeFilter, readonly host: string, readonly signal: AbortSignal }

const page = async (app: FastifyInstance, { from, filter, host, signal }: Asked, limit: number) => {
  const events: ReturnType<typeof toJson>[] = []
  let next = from
  for (let scanned = 0; ;) {
    const found = await app.changes.page(next, entriesPerPage, signal)
    for (const entry of found.entries) {
      if (events.length >= limit) return { events, next: formatPosition(next), more: true }
      next = behind(next, entry)
      if (entry.change !== undefined && matches(entry.change, filter, host)) events.push(toJson(entry.change))
    }
    next = found.next
    scanned += found.entries.length
    if (!found.more || scanned >= scannedMax || events.length >= limit) return { events, next: formatPosition(next), more: found.more }
  }
}

/** The stream: an event a block, its id the place behind it; a comment now and then, so that both ends see whether the other is there. */
const stream = async function * (app: FastifyInstance, { from, filter, host, signal }: Asked): AsyncGenerator<string> {
  const leave = app.changes.join()
  try {
    let place = from
    let heardAt = performance.now()
    yield `retry: 2000\nid: ${formatPosition(place)}\n\n`
    while (!signal.aborted) {
      const { entries, next } = await app.changes.page(place, entriesPerPage, signal)
      for (const entry of entries) {
        place = behind(place, entry)
        if (entry.change === undefined || !matches(entry.change, filter, host)) continue
        const { change } = entry
        yield `id: ${formatPosition(place)}\nevent: ${change.event.type}\ndata: ${JSON.stringify(toJson(change))}\n\n`
      }
      place = next
      if (entries.length > 0) {
        heardAt = performance.now()
        continue
      }
      if (performance.now() - heardAt >= heartbeatMs) {
        heardAt = performance.now()
        yield `: still here\nid: ${formatPosition(place)}\n\n`
      }
      await app.changes.beyond(place, heartbeatMs, signal)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    leave()
  }
}

export const eventRoutes: FastifyPluginAsyncTypebox<EventRoutesOptions> = async (app, { publicUrl }) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  app.get('/api/events', {
    schema: {
      tags: ['events'],
      summary: 'The changes of all links',
      description: 'Accepted events in the order of the log for each link, from any place on; as pages, or with Accept: text/event-stream as they happen. ' +
        'A stream goes on behind Last-Event-ID. Each event comes at least once; its id is the same where it comes twice.',
      querystring: EventsQuery,
      headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 4_000, description: 'The id of the last event seen, as browsers send it' })) }),
      response: {
        200: {
          description: 'A page, or the stream',
          content: {
            'application/json': {
              schema: Type.Object({
                events: Type.Array(ChangeEvent),
                next: Type.String({ description: 'Send it as `after` for what follows' }),
                more: Type.Boolean({ description: 'Whether more is there already' })
              })
            },
            'text/event-stream': { schema: Type.String() }
          }
        },
        ...problems(400, 503)
      }
    }
  }, async (request, reply) => {
    const wantsStream = /\btext\/event-stream\b/.test(request.headers.accept ?? '')
    const filter = filterOf(request.query, request)
    const signal = AbortSignal.any([whileAsked(reply), closing.signal])
    const resumed = request.headers['last-event-id']
    const from = wantsStream && resumed !== undefined && resumed !== ''
      ? await startingAt(app, resumed, 'last-event-id')
      : await startingAt(app, request.query.after ?? (wantsStream ? 'now' : 'start'), 'after')
    const asked = { from, filter, host: new URL(publicUrl()).host, signal }
    if (!wantsStream) return await page(app, asked, request.query.limit ?? 100)
    if (app.changes.listeners >= listenersMax) throw new LinklogError('overloaded', `${listenersMax} listen already`, { headers: { 'retry-after': '5' } })
    return await reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(Readable.from(stream(app, asked)) as never)
  })
}
