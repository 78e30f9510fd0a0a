// /api/links/{link}/…: switch off and on, delete, restore, go back to a version, and cancel an edit that lies ahead.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { ChangeRequest } from '../links/service.js'
import { contextOf, linkKey, seenVersions, sendResult } from './link-answers.js'
import { IdempotencyHeader, IfMatchHeader, Link, LinkParams, Pending, problems, reason, ReasonBody, ReasonQuery } from './schemas.js'

const schema = {
  tags: ['links'],
  params: LinkParams,
  headers: Type.Intersect([IdempotencyHeader, IfMatchHeader('The ETag of the version seen: the change is made to that alone. Without it, to whatever stands')]),
  response: { 200: Link, 202: Pending, ...problems(400, 404, 409, 410, 412, 413, 415, 422, 503) }
}

export const linkCommandRoutes: FastifyPluginAsyncTypebox<{ readonly publicUrl: () => string }> = async (app, { publicUrl }) => {
  const change = async (request: FastifyRequest, reply: FastifyReply, link: string, asked: ChangeRequest, why: string | null | undefined) => {
    const ifMatch = request.headers['if-match']
    const seen = ifMatch === undefined ? undefined : seenVersions(ifMatch)
    return sendResult(reply, await app.links.change(linkKey(link), asked, { seen, reason: why }, contextOf(request)), publicUrl())
  }

  const switches = [
    ['disable', 'Switch a link off', 'Its redirect is 410 link_disabled until it is enabled.'],
    ['enable', 'Switch a link on again', 'What is on stays on.'],
    ['restore', 'Bring a deleted link back', 'As it stood when it was deleted.']
  ] as const
  for (const [kind, summary, description] of switches) {
    app.post(`/api/links/:link/${kind}`, { schema: { ...schema, summary, description, body: ReasonBody } }, async (request, reply) =>
      await change(request, reply, request.params.link, { kind }, request.body?.reason))
  }

  app.delete('/api/links/:link', {
    schema: {
      ...schema,
      summary: 'Delete a link',
      description: 'Its redirect is 410 link_deleted from then on, and its slug is never given to another. Its history stays, and it can be restored.',
      querystring: ReasonQuery
    }
  }, async (request, reply) => await change(request, reply, request.params.link, { kind: 'delete' }, request.query.reason))

  app.post('/api/links/:link/revert', {
    schema: {
      ...schema,
      summary: 'Take up the fields of an earlier version again',
      description: 'As a new version. Whether the link is on goes back too; edits that lie ahead stay.',
      body: Type.Object({
        version: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'The version to go back to' }),
        reason: Type.Optional(Type.Union([reason, Type.Null()]))
      }, { additionalProperties: false })
    }
  }, async (request, reply) =>
    await change(request, reply, request.params.link, { kind: 'revert', version: request.body.version }, request.body.reason))

  app.delete('/api/links/:link/scheduled/:eventId', {
    schema: {
      ...schema,
      summary: 'Cancel an edit that lies ahead',
      params: Type.Intersect([LinkParams, Type.Object({ eventId: Type.String({ minLength: 1, maxLength: 64 }) })]),
      querystring: ReasonQuery
    }
  }, async (request, reply) =>
    await change(request, reply, request.params.link, { kind: 'cancel', eventId: request.params.eventId }, request.query.reason))
}
