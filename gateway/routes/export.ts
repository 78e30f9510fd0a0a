// GET /api/export/links, /revisions and /visits: all of it in one answer, as NDJSON or CSV, made while it is read.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { Readable } from 'node:stream'
import { Type, type Static, type TSchema } from 'typebox'
import { LinklogError } from '../errors.js'
import { exportFormats, mediaTypes, textOf, type ExportFormat, type ExportRow } from '../export/formats.js'
import { visitRows, type VisitExport } from '../export/visits.js'
import { docAt } from '../links/schedule.js'
import { selects, type LinkSelection } from '../links/selection.js'
import type { LinkView } from '../links/view.js'
import type { ScanGate } from '../lists/scan-gate.js'
import type { Lister } from '../lists/lister.js'
import type { LinkHistory, LinkQueries } from '../queries/links.js'
import { botChoices, type Bots } from '../visits/question.js'
import { linkKey, toLink } from './link-answers.js'
import { toRevision } from './link-history.js'
import { filterOf, filterParameters, listOf, refuse, statesOf, words } from './link-list.js'
import { instant, problems } from './schemas.js'
import { whileAsked } from './while-asked.js'

export interface ExportRoutesOptions {
  readonly gate: ScanGate
  readonly lister: Pick<Lister, 'all'>
  readonly queries: Pick<LinkQueries, 'history' | 'histories'>
  readonly visits: VisitExport
  readonly publicUrl: () => string
  /** How long a client may leave what it was sent unread, in milliseconds. */
  readonly stallMsMax?: number
}

const stallPresetMs = 120_000
const bufferBytes = 64 * 1024
const linksMax = 1_000

/** Of the CSV, in order. */
const columns = {
  links: [
    'link', 'slug', 'domain', 'shortUrl', 'version', 'url', 'title', 'tags', 'enabled', 'deleted', 'validFrom', 'validUntil', 'maxVisits', 'redirectStatus',
    'forwardQuery', 'rules', 'scheduled', 'createdAt', 'updatedAt'
  ],
  revisions: [
    'link', 'version', 'eventId', 'type', 'occurredAt', 'actor', 'reason', 'baseVersion', 'effectiveAt', 'revertedTo', 'url', 'title', 'tags', 'enabled', 'deleted',
    'validFrom', 'validUntil', 'maxVisits', 'redirectStatus', 'forwardQuery', 'rules', 'scheduled', 'difference'
  ],
  visits: [
    'id', 'link', 'version', 'rule', 'url', 'outcome', 'visitedAt', 'referrer', 'device', 'browser', 'os', 'country', 'language', 'visitor', 'bot', 'erased', 'partition', 'offset'
  ]
} as const

const format = {
  format: Type.Optional(Type.Unsafe<ExportFormat>({ type: 'string', enum: [...exportFormats], description: 'Without it by the Accept header: ndjson unless csv is liked better' }))
}

const selection = {
  link: Type.Optional(Type.String({ minLength: 1, maxLength: 12_000, description: `Only these links, separated by commas, at most ${linksMax}` })),
  tag: words('Only links that have one of these tags now'),
  domain: words('Only links on these hosts; `default` is the domain of links without one'),
  from: Type.Optional(instant('From this instant on')),
  to: Type.Optional(instant('Not included'))
}

/** The parameters of each; those of the command line are the same. */
export const exportQueries = {
  links: Type.Object({ ...filterParameters, ...format }, { additionalProperties: false }),
  revisions: Type.Object({ ...selection, ...format }, { additionalProperties: false }),
  visits: Type.Object({
    ...selection,
    bots: Type.Optional(Type.Unsafe<Bots>({ type: 'string', enum: [...botChoices], description: 'Whether visits of robots are told: include unless told otherwise' })),
    ...format
  }, { additionalProperties: false })
}

const formatOf = (request: FastifyRequest): ExportFormat => {
  const { format } = request.query as { format?: ExportFormat }
  if (format !== undefined) return format
  return new Negotiator({ headers: { accept: request.headers.accept } }).mediaType([mediaTypes.ndjson, mediaTypes.csv]) === mediaTypes.csv ? 'csv' : 'ndjson'
}

interface Period { readonly from: number, readonly to: number }

type Asked = Pick<Static<typeof exportQueries.revisions>, 'link' | 'tag' | 'domain' | 'from' | 'to'>

/** @throws LinklogError invalid_link, invalid_request, naming the parameter. */
const selectionOf = ({ link, tag, domain }: Asked, request: FastifyRequest, defaultHost: string): LinkSelection & { readonly links: readonly string[] } => {
  const links = link === undefined ? [] : [...new Set(link.split(',').map(one => linkKey(one.trim())))]
  if (links.length > linksMax) throw refuse('link', `must not have more than ${linksMax}`)
  return {
    links,
    tags: listOf(tag, 'tag') ?? [],
    domains: (listOf(domain, 'domain') ?? []).map(host => host.toLowerCase()).map(host => host === 'default' ? defaultHost : host),
    within: request.key ?? undefined
  }
}

/** @throws LinklogError invalid_request. */
const periodOf = ({ from, to }: Asked): Period => {
  const period = { from: from === undefined ? 0 : Date.parse(from), to: to === undefined ? Infinity : Date.parse(to) }
  if (period.from >= period.to) throw refuse('from', 'must be earlier than to')
  return period
}

/** The pieces, each waited for only so long until it is taken: a client that stops reading must not hold a place for ever. */
async function * untilStalled (pieces: AsyncIterable<string>, stallMs: number, onStall: () => void): AsyncGenerator<string> {
  for await (const piece of pieces) {
    const late = setTimeout(onStall, stallMs)
    try {
      yield piece
    } finally {
      clearTimeout(late)
    }
  }
}

type Rows = (signal: AbortSignal) => AsyncIterable<ExportRow>
type Send = (request: FastifyRequest, reply: FastifyReply, name: keyof typeof columns, rows: Rows) => Promise<never>

/** Sends rows once there is room for one more export; a client that goes, or stops reading, ends them. */
const senderOf = ({ gate, stallMsMax = stallPresetMs }: ExportRoutesOptions, closing: AbortSignal): Send => async (request, reply, name, rows) => {
  const signal = AbortSignal.any([whileAsked(reply), closing])
  const leave = await gate.enter(signal)
  const format = formatOf(request)
  const pieces = untilStalled(textOf(rows(signal), format, columns[name]), stallMsMax, () => stream.destroy(new Error('the client does not read')))
  const stream = Readable.from(pieces, { objectMode: false, highWaterMark: bufferBytes })
  stream.once('close', leave)
  return await reply
    .type(format === 'csv' ? `${mediaTypes.csv}; charset=utf-8; header=present` : mediaTypes.ndjson)
    .headers({ 'content-disposition': `attachment; filename="${name}.${format}"`, 'cache-control': 'no-store', vary: 'accept' })
    .send(stream) as never
}

/** What the three routes have in common. A HEAD would have all of it made, and thrown away: there is none. */
const route = <Q extends TSchema>(tag: string, what: string, description: string, querystring: Q) => ({
  exposeHeadRoute: false,
  schema: {
    tags: [tag],
    summary: `Export ${what}`,
    description: `${description} An answer that is cut off ends without the last chunk of its transfer encoding, so that a client can tell it from a whole one.`,
    produces: [mediaTypes.ndjson, mediaTypes.csv],
    querystring,
    response: {
      200: { description: 'One a line', content: { [mediaTypes.ndjson]: { schema: Type.String() }, [mediaTypes.csv]: { schema: Type.String() } } },
      ...problems(400, 422, 503)
    }
  }
})

async function * linkRows (views: AsyncIterable<LinkView>, publicUrl: string): AsyncGenerator<ExportRow> {
  for await (const view of views) {
    const { link, slug, ...rest } = toLink(view, publicUrl)
    yield { link, slug, domain: link === slug ? null : link.slice(0, link.indexOf('/')), ...rest }
  }
}

type History = Pick<LinkHistory, 'link' | 'revisions'>

async function * historiesOf (links: readonly string[], queries: ExportRoutesOptions['queries'], signal: AbortSignal): AsyncGenerator<History> {
  for (const link of links) {
    signal.throwIfAborted()
    const history = await queries.history(link)
    if (history !== undefined) yield history
  }
}

async function * revisionRows (histories: AsyncIterable<History>, chosen: LinkSelection, { from, to }: Period, defaultHost: string): AsyncGenerator<ExportRow> {
  for await (const history of histories) {
    const last = history.revisions.at(-1)
    if (last === undefined || !selects(chosen, history.link, docAt(last.doc, last.scheduled, Date.now()).tags, defaultHost)) continue
    for (const [index, { occurredAt }] of history.revisions.entries()) {
      if (occurredAt >= from && occurredAt < to) yield { link: history.link, ...toRevision(history, index) }
    }
  }
}

export const exportRoutes: FastifyPluginAsyncTypebox<ExportRoutesOptions> = async (app, options) => {
  const { lister, queries, visits, publicUrl } = options
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort(new LinklogError('unavailable', 'The gateway stops')))
  const send = senderOf(options, closing.signal)
  const defaultHost = (): string => new URL(publicUrl()).host

  app.get('/api/export/links', route(
    'links', 'links', 'All links that meet the conditions of GET /api/links, in no order. `linklog import` takes them as they are.', exportQueries.links
  ), async (request, reply) => {
    const filter = filterOf(request.query, request.key, publicUrl(), statesOf(request.query.state))
    return await send(request, reply, 'links', signal => linkRows(lister.all(filter, signal), publicUrl()))
  })

  app.get('/api/export/revisions', route(
    'links', 'the history of links', 'Every accepted change, those of a link in order, the links in none.', exportQueries.revisions
  ), async (request, reply) => {
    const chosen = selectionOf(request.query, request, defaultHost())
    const period = periodOf(request.query)
    const { links } = chosen
    return await send(request, reply, 'revisions', signal =>
      revisionRows(links.length > 0 ? historiesOf(links, queries, signal) : queries.histories(signal), chosen, period, defaultHost()))
  })

  app.get('/api/export/visits', route(
    'visits', 'visits', 'Every visit on the log, whatever it was answered, by partition and offset.', exportQueries.visits
  ), async (request, reply) => {
    const selection = selectionOf(request.query, request, defaultHost())
    const asked = { selection, period: periodOf(request.query), bots: request.query.bots ?? 'include', defaultHost: defaultHost() }
    return await send(request, reply, 'visits', signal => visitRows(visits, asked, signal))
  })
}
