// Erasing who came: of a link's visits, or one visitor of all links; and the erasures that were made.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { isIP, SocketAddress } from 'node:net'
import { dayOf } from '../erasure/key-ring.js'
import { daysOf, type Days } from '../erasure/eraser.js'
import { invalidField } from '../errors.js'
import type { Erasure as ErasureRow } from '../queries/erasures.js'
import { dayMs } from '../visits/calendar.js'
import { refuse } from '../visits/question.js'
import { linkKey } from './link-answers.js'
import { instant, LinkParams, nullable, problems } from './schemas.js'
import { iso } from '../instant.js'

/** Erasures that a list gives: the latest. */
const listedMax = 1_000

const reason = Type.String({ maxLength: 500, description: 'Why, for the log: nothing of the visitor' })
const from = instant('The day (UTC) of this instant is the first; without it, since the beginning')
const to = instant('Not included, but the day that it lies in is erased whole; without it, until now')

const Erasure = Type.Object({
  id: Type.String(),
  type: Type.Unsafe<ErasureRow['type']>({ type: 'string', enum: ['LinkVisitsErased', 'VisitorErased'] }),
  at: instant(''),
  actor: Type.String(),
  reason: nullable(Type.String()),
  link: nullable(Type.String()),
  from: instant('The first of the days (UTC) that it covers'),
  to: instant('Behind the last of them'),
  visits: Type.Integer({ description: 'Whose visitor was told until then, and is no more' }),
  links: Type.Integer({ description: 'How many links they were of' }),
  unsealed: Type.Integer({ description: 'Visits among them that an earlier version has written: they stand as they are' })
})

const toErasure = ({ at, from, to, ...erasure }: ErasureRow) => ({ ...erasure, at: iso(at), from: iso(from), to: iso(to) })

/** The days that were asked for, none of which lies ahead. */
const askedDays = (asked: { from?: string | undefined, to?: string | undefined }, now: number, wrong: () => Error): Days => {
  const first = asked.from === undefined ? 0 : Math.max(0, Date.parse(asked.from))
  const end = Math.min(asked.to === undefined ? Infinity : Date.parse(asked.to), (dayOf(now) + 1) * dayMs)
  if (first >= end) throw wrong()
  return daysOf(first, end)
}

/** An address as connections tell it: that of IPv4 also in the way of IPv6, where the gateway listens on both. */
const asConnected = (text: string): readonly string[] => {
  const version = isIP(text)
  if (version === 0) throw invalidField('/address', 'must be an IPv4 or IPv6 address')
  const { address } = new SocketAddress({ address: text, family: version === 4 ? 'ipv4' : 'ipv6' })
  return version === 4 ? [address, `::ffff:${address}`] : [address]
}

const VisitorBody = Type.Object({
  address: Type.Optional(Type.String({ minLength: 2, maxLength: 45, description: 'The address that the visitor came from, with userAgent', examples: ['203.0.113.7'] })),
  userAgent: Type.Optional(Type.String({ maxLength: 4_096, description: 'The User-Agent that the visitor\'s browser sent' })),
  visitor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{22}$', description: 'Instead: the visitor of a raw visit, which is one day\'s' })),
  from: Type.Optional(from),
  to: Type.Optional(to),
  reason: Type.Optional(nullable(reason))
}, { additionalProperties: false })

export const erasureRoutes: FastifyPluginAsyncTypebox<{ now: () => number }> = async (app, { now }) => {
  const { eraser, queries, visitorAt } = app.erasure

  const identified = ({ address, userAgent, visitor }: { address?: string, userAgent?: string, visitor?: string }) => {
    if ((visitor === undefined) === (address === undefined)) throw invalidField('/visitor', 'must be given, or else address and userAgent')
    if (visitor !== undefined) {
      if (userAgent !== undefined) throw invalidField('/userAgent', 'goes with address')
      return (id: string) => id === visitor
    }
    if (userAgent === undefined) throw invalidField('/userAgent', 'must be given with address')
    const addresses = asConnected(address as string)
    const ids = new Map<number, readonly string[]>()
    return (id: string, day: number) => {
      let own = ids.get(day)
      if (own === undefined) ids.set(day, own = addresses.map(one => visitorAt(one, userAgent, day * dayMs)))
      return own.includes(id)
    }
  }

  app.delete('/api/links/:link/visits', {
    schema: {
      tags: ['visits'],
      summary: 'Erase who came by a link',
      description: 'For good: of the visits on the log by now, of whole days (UTC), visitor, referrer, device, browser, os, country and language are told no more. ' +
        'All counts stay. Reads the log for a minute at most.',
      params: LinkParams,
      querystring: Type.Object({ from: Type.Optional(from), to: Type.Optional(to), reason: Type.Optional(reason) }, { additionalProperties: false }),
      response: { 200: Erasure, ...problems(400, 404, 503) }
    }
  }, async request => {
    const link = linkKey(request.params.link)
    const days = askedDays(request.query, now(), () => refuse('from', 'must be earlier than to, and not lie ahead'))
    await app.links.get(link)
    // it ends whether or not its answer is waited for
    return toErasure(await eraser.link(link, days, { actor: request.actor, reason: request.query.reason ?? null }, new AbortController().signal))
  })

  app.post('/api/erasures', {
    schema: {
      tags: ['visits'],
      summary: 'Erase one visitor of all links',
      description: 'Found by the address and the User-Agent, or by the id on a raw visit. All counts stay. Reads the log for a minute at most: ask in shorter periods where that is too little.',
      body: VisitorBody,
      response: { 200: Erasure, ...problems(400, 413, 415, 422, 503) }
    }
  }, async request => {
    const isVisitor = identified(request.body)
    const days = askedDays(request.body, now(), () => invalidField('/from', 'must be earlier than to, and not lie ahead'))
    return toErasure(await eraser.visitor(isVisitor, days, { actor: request.actor, reason: request.body.reason ?? null }, new AbortController().signal))
  })

  app.get('/api/erasures', {
    schema: {
      tags: ['visits'],
      summary: 'The erasures that were made',
      description: `The latest ${listedMax}, the newest first.`,
      response: { 200: Type.Object({ erasures: Type.Array(Erasure) }), ...problems(503) }
    }
  }, async () => ({ erasures: (await queries.all()).toSorted((a, b) => b.at - a.at).slice(0, listedMax).map(toErasure) }))
}
