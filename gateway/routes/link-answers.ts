// What the routes about links share: the key in the path, If-Match, who asks, and a link as it is answered.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { traceparentOf } from '../events/trace.js'
import { LinklogError } from '../errors.js'
import { present, presentScheduled } from '../links/document.js'
import { checkTags } from '../access/restriction.js'
import type { CommandResult, Context } from '../links/service.js'
import { isLinkKey } from '../links/slug.js'
import type { LinkView } from '../links/view.js'
import { iso } from '../instant.js'

export const etag = (version: number): string => `"${version}"`

/** @throws LinklogError invalid_link. */
export const linkKey = (text: string): string => {
  if (!isLinkKey(text)) throw new LinklogError('invalid_link', `"${text.slice(0, 100)}" is neither a slug nor host/slug`)
  return text
}

/** The URL that people are given for a link. */
export const shortUrl = (link: string, publicUrl: string): string =>
  link.includes('/') ? `${new URL(publicUrl).protocol}//${link}` : `${publicUrl}/${link}`

/** A link as the API shows it. */
export const toLink = ({ link, version, createdAt, updatedAt, doc, scheduled }: LinkView, publicUrl: string) => ({
  link,
  slug: link.slice(link.indexOf('/') + 1),
  shortUrl: shortUrl(link, publicUrl),
  version,
  ...present(doc),
  scheduled: presentScheduled(scheduled),
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt)
})

/** Versions named by If-Match, or undefined for *. @throws LinklogError if_match_required, invalid_request. */
export const seenVersions = (header: string | undefined): readonly number[] | undefined => {
  if (header === undefined) throw new LinklogError('if_match_required', 'Send the ETag of the version that you have seen as If-Match')
  if (header.trim() === '*') return undefined
  return header.split(',').map(part => {
    const match = /^\s*(W\/)?"(\d{1,15})"\s*$/.exec(part)
    if (match === null) throw new LinklogError('invalid_request', 'If-Match must be an ETag of this link, such as "3", or *', { errors: [{ pointer: 'if-match', detail: 'is not an ETag' }] })
    return match[1] === undefined ? Number(match[2]) : -1 // a weak ETag never matches (RFC 9110 13.1.1)
  })
}

/** Who asks, under which Idempotency-Key, and in which trace. */
export const contextOf = (request: FastifyRequest): Context => {
  const key = request.headers['idempotency-key']
  const restriction = request.key
  return {
    actor: request.actor,
    idempotencyKey: Array.isArray(key) ? key[0] : key,
    traceparent: traceparentOf(request.headers['traceparent']),
    permit: restriction === null ? undefined : ({ tags }) => checkTags(restriction, tags)
  }
}

const segment = (link: string): string => encodeURIComponent(link)

export const sendResult = (reply: FastifyReply, result: CommandResult, publicUrl: string) => {
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
