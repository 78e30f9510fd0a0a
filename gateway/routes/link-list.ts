// GET /api/links: find and list links, in pages.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { isRestricted, type Restriction } from '../access/restriction.js'
import { splitWords } from './words.js'
import { LinklogError } from '../errors.js'
import { decodeCursor, encodeCursor, orders, sorts, type Order, type Sort } from '../lists/cursor.js'
import type { Lister } from '../lists/lister.js'
import type { ScanGate } from '../lists/scan-gate.js'
import { normaliseUrl } from '../links/url.js'
import { stateNames, type LinkFilter, type StateName } from '../queries/link-list.js'
import { toLink } from './link-answers.js'
import { Link, problems } from './schemas.js'

export interface LinkListRoutesOptions {
  readonly lister: Lister
  readonly gate: ScanGate
  readonly publicUrl: () => string
}

const pageLinksMax = 500
const tagsMax = 20

export const refuse = (pointer: string, detail: string) => new LinklogError('invalid_request', `${pointer} ${detail}`, { errors: [{ pointer, detail }] })

export const words = (description: string) => Type.Optional(Type.Union([
  Type.String({ minLength: 1, maxLength: 2_000 }), Type.Array(Type.String({ minLength: 1, maxLength: 2_000 }), { maxItems: tagsMax })
], { description: `${description}. Several: separated by commas, or the parameter again; a comma within one is written \\,` }))

const oneOf = <T extends string>(values: readonly T[], preset: T, description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], default: preset, description })

/** The parameters that say which links; the export of links takes them too. */
export const filterParameters = {
  tag: words('With any of these tags'),
  tagMode: Type.Optional(oneOf(['any', 'all'] as const, 'any', 'Whether any or all of `tag`')),
  excludeTag: words('With none of these tags'),
  text: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'In the slug, the title or the URL, whatever the case' })),
  domain: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'The host of the short link; `default` for the default domain' })),
  targetHost: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'The host that the link leads to' })),
  url: Type.Optional(Type.String({ minLength: 1, description: 'Where the link leads; normalised as on creation' })),
  createdFrom: Type.Optional(Type.String({ format: 'date-time' })),
  createdTo: Type.Optional(Type.String({ format: 'date-time', description: 'Not included' })),
  state: Type.Optional(Type.String({ description: `${stateNames.join(', ')}, several separated by commas, or any. Without it: all but deleted` }))
}

const ListQuery = Type.Object({
  ...filterParameters,
  sort: Type.Optional(oneOf(sorts, 'created', 'visits are counted without bots')),
  order: Type.Optional(oneOf(orders, 'desc', 'Links that are equal stand in the order of their names')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLinksMax, default: 50 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000, description: '`next` of the page before, with the same parameters' }))
}, { additionalProperties: false })

const LinkPage = Type.Object({
  links: Type.Array(Type.Object({ ...Link.properties, visits: Type.Optional(Type.Integer({ description: 'Without bots; with sort=visits' })) })),
  next: Type.Union([Type.String(), Type.Null()], { description: 'The cursor of the next page; null at the end. Also as Link header, rel="next"' })
})

export const listOf = (given: string | readonly string[] | undefined, pointer: string): readonly string[] | undefined => {
  if (given === undefined) return undefined
  const items = [given].flat().flatMap(splitWords)
  if (items.length === 0) throw refuse(pointer, 'names nothing')
  if (items.length > tagsMax) throw refuse(pointer, `must not have more than ${tagsMax}`)
  return [...new Set(items)].sort()
}

export const statesOf = (given: string | undefined): readonly StateName[] | undefined => {
  if (given === 'any') return undefined
  if (given === undefined) return stateNames.filter(state => state !== 'deleted')
  const names = listOf(given, 'state') ?? []
  const unknown = names.find(name => !(stateNames as readonly string[]).includes(name))
  if (unknown !== undefined) throw refuse('state', `must be any, or of ${stateNames.join(', ')}`)
  return names as readonly StateName[]
}

const hostPattern = /^[a-z0-9.:[\]_-]+$/

const hostOf = (text: string, pointer: string): string => {
  const host = text.trim().toLowerCase()
  if (!hostPattern.test(host)) throw refuse(pointer, 'is not a host')
  return host
}

const domainOf = (text: string, publicUrl: string): string | null => {
  const host = hostOf(text, 'domain')
  return host === 'default' || host === new URL(publicUrl).host ? null : host
}

type FilterQuery = Omit<Static<typeof ListQuery>, 'sort' | 'order' | 'limit' | 'cursor'>

/** What a restricted key may see, as a part of the filter. */
const withinOf = (key: Restriction | null, publicUrl: string): Pick<LinkFilter, 'within'> => key === null || !isRestricted(key)
  ? {}
  : {
      within: {
        ...(key.domains.length > 0 && { domains: key.domains.map(host => domainOf(host, publicUrl)) }),
        ...(key.tags.length > 0 && { tags: key.tags })
      }
    }

/** @throws LinklogError invalid_request, validation_failed, naming the parameter. */
export const filterOf = (query: FilterQuery, key: Restriction | null, publicUrl: string, states: readonly StateName[] | undefined): LinkFilter => {
  const tags = listOf(query.tag, 'tag')
  const noTag = listOf(query.excludeTag, 'excludeTag')
  return {
    ...(tags !== undefined && (query.tagMode === 'all' ? { allTags: tags } : { anyTag: tags })),
    ...(noTag !== undefined && { noTag }),
    ...(query.text !== undefined && { text: query.text }),
    ...(query.domain !== undefined && { domain: domainOf(query.domain, publicUrl) }),
    ...(query.targetHost !== undefined && { targetHost: hostOf(query.targetHost, 'targetHost') }),
    ...(query.url !== undefined && { url: normaliseUrl(query.url, new Set(), 'url') }),
    ...(query.createdFrom !== undefined && { createdFrom: Date.parse(query.createdFrom) }),
    ...(query.createdTo !== undefined && { createdTo: Date.parse(query.createdTo) }),
    ...(states !== undefined && { states }),
    ...withinOf(key, publicUrl)
  }
}

/** A signal that ends when the client has gone. */
const untilGone = (socket: { once: (event: 'close', listener: () => void) => unknown, off: (event: 'close', listener: () => void) => unknown }) => {
  const gone = new AbortController()
  const onClose = (): void => gone.abort()
  socket.once('close', onClose)
  return { signal: gone.signal, done: () => socket.off('close', onClose) }
}

const nextUrl = (url: string, cursor: string): string => {
  const next = new URL(url, 'http://internal.invalid')
  next.searchParams.set('cursor', cursor)
  return next.pathname + next.search
}

export const linkListRoutes: FastifyPluginAsyncTypebox<LinkListRoutesOptions> = async (app, { lister, gate, publicUrl }) => {
  app.get('/api/links', {
    schema: {
      tags: ['links'],
      summary: 'Find and list links',
      description: 'All conditions must hold. Pages stay stable while links are added; docs/api.md says what holds for each order.',
      querystring: ListQuery,
      response: { 200: LinkPage, ...problems(400, 422, 503) }
    }
  }, async (request, reply) => {
    const { sort = 'created' as Sort, order = 'desc' as Order, limit = 50, cursor: given } = request.query
    const filter = filterOf(request.query, request.key, publicUrl(), statesOf(request.query.state))
    const listing = { sort, order, filter }
    const cursor = given === undefined ? undefined : decodeCursor(given, listing)
    const client = untilGone(request.raw.socket)
    try {
      const page = await gate.run(client.signal, async signal => await lister.page({ filter, sort, order, limit, cursor }, signal))
      const views = await app.links.getAll(page.places.map(({ link }) => link))
      const next = page.next === undefined ? null : encodeCursor(page.next, listing)
      if (next !== null) reply.header('link', `<${nextUrl(request.url, next)}>; rel="next"`)
      const links = page.places.flatMap(({ link, value }) => {
        const view = views.get(link)
        return view === undefined ? [] : [{ ...toLink(view, publicUrl()), ...(sort === 'visits' && { visits: value }) }]
      })
      return await reply.header('cache-control', 'no-cache').send({ links, next })
    } finally {
      client.done()
    }
  })
}
