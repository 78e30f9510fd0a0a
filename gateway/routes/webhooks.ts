// /api/webhooks: subscriptions to the changes of links.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { behind } from '../changes/change-feed.js'
import { matches } from '../changes/change.js'
import { formatPosition } from '../changes/position.js'
import { invalidField, LinklogError } from '../errors.js'
import { linkEventTypes, type LinkEventType } from '../events/link-event.js'
import type { Webhook } from '../queries/webhooks.js'
import { isAllowedTarget } from '../webhooks/sender.js'
import { startingAt } from './events.js'
import { instant, nullable, problems } from './schemas.js'
import { iso } from '../instant.js'

export interface WebhookRoutesOptions { readonly publicUrl: () => string, readonly allowPrivate: boolean }

const eventType = Type.Unsafe<LinkEventType>({ type: 'string', enum: [...linkEventTypes] })
const filters = {
  types: Type.Optional(Type.Array(eventType, { maxItems: 50, description: 'Only these; none is all' })),
  tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 20, description: 'Only links with one of these' })),
  domains: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 20, description: 'Only links on these hosts' }))
}
const Hook = Type.Object({
  id: Type.String(),
  url: Type.String(),
  types: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
  domains: Type.Array(Type.String()),
  enabled: Type.Boolean({ description: 'False once it was given up' }),
  reason: nullable(Type.String({ description: 'Why it was given up' })),
  createdAt: instant(''),
  updatedAt: instant('')
})
const Secret = Type.Object({ secret: Type.String({ description: 'Signs the deliveries; shown this once', examples: ['whsec_…'] }) })
const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })
const place = Type.String({ pattern: '^(?:start|now|\\d{1,15}(?:-\\d{1,15})*)$', maxLength: 4_000, examples: ['15-22-3-0'] })

const toHook = ({ id, url, types, tags, domains, enabled, reason, createdAt, updatedAt }: Webhook) =>
  ({ id, url, types: [...types], tags: [...tags], domains: [...domains], enabled, reason, createdAt: iso(createdAt), updatedAt: iso(updatedAt) })

const targetOf = (text: string, allowPrivate: boolean): string => {
  if (!URL.canParse(text)) throw invalidField('/url', 'must be an http or https URL')
  const url = new URL(text)
  if (!isAllowedTarget(url, allowPrivate)) throw invalidField('/url', 'must be http or https, without credentials, and lead to a public address')
  return url.href
}

const redeliverMs = 20_000

/** Sends a stretch of the log once more, change by change, until one fails or time is up. */
const redeliver = async (app: FastifyInstance, webhook: Webhook, { from, to, limit }: { from: string, to: string, limit: number }, host: string) => {
  let next = await startingAt(app, from, '/from')
  const end = await startingAt(app, to, '/to')
  const signal = AbortSignal.timeout(redeliverMs)
  let delivered = 0
  for (;;) {
    const { entries, more, next: after } = await app.changes.page(next, 200, signal)
    for (const entry of entries) {
      const wanted = entry.offset < (end[entry.partition] ?? 0) && entry.change !== undefined && matches(entry.change, webhook, host)
      if (wanted && entry.change !== undefined) {
        if (delivered >= limit || signal.aborted) return { delivered, next: formatPosition(next), failure: null }
        const outcome = await app.webhookSender.send(webhook, entry.change, signal)
        if (!outcome.delivered) return { delivered, next: formatPosition(next), failure: outcome.failure }
        delivered++
      }
      next = behind(next, entry)
    }
    next = after
    if (!more || next.every((offset, partition) => offset >= (end[partition] ?? 0))) return { delivered, next: null, failure: null }
  }
}

const changeRoutes: FastifyPluginAsyncTypebox<WebhookRoutesOptions> = async (app, { publicUrl, allowPrivate }) => {
  app.post('/api/webhooks', {
    schema: {
      tags: ['events'],
      summary: 'Have changes sent to a URL',
      description: 'From now on, each at least once, in the order of the log for each link, signed as Standard Webhooks has it.',
      body: Type.Object({
        url: Type.String({ minLength: 1, maxLength: 2_048, examples: ['https://hooks.example/linklog'] }),
        ...filters
      }, { additionalProperties: false }),
      response: { 201: Type.Intersect([Hook, Secret]), ...problems(400, 409, 413, 415, 422, 503) }
    }
  }, async (request, reply) => {
    const { url, types = [], tags = [], domains = [] } = request.body
    const hosts = domains.map(host => host.toLowerCase())
    const webhook = await app.webhooks.create({ url: targetOf(url, allowPrivate), types, tags, domains: hosts }, request.actor)
    return await reply.code(201).header('location', `/api/webhooks/${webhook.id}`).send({ ...toHook(webhook), secret: app.webhookSecret(webhook.id, 1) })
  })

  app.delete('/api/webhooks/:id', {
    schema: { tags: ['events'], summary: 'Send no more', params: Params, response: { 204: Type.Null(), ...problems(400, 404, 503) } }
  }, async (request, reply) => {
    await app.webhooks.delete(request.params.id, request.actor)
    return await reply.code(204).send(null)
  })

  app.post('/api/webhooks/:id/secret', {
    schema: {
      tags: ['events'], summary: 'A new secret', description: 'The one before signs beside it for a day.', params: Params,
      response: { 200: Type.Intersect([Hook, Secret]), ...problems(400, 404, 503) }
    }
  }, async request => {
    const webhook = await app.webhooks.rotate(request.params.id, request.actor)
    return { ...toHook(webhook), secret: app.webhookSecret(webhook.id, webhook.secretGeneration) }
  })

  app.post('/api/webhooks/:id/enable', {
    schema: {
      tags: ['events'], summary: 'Go on after it was given up', description: 'With the change that failed.', params: Params,
      response: { 200: Hook, ...problems(400, 404, 503) }
    }
  }, async request => toHook(await app.webhooks.enable(request.params.id, request.actor)))

  app.post('/api/webhooks/:id/redeliver', {
    schema: {
      tags: ['events'],
      summary: 'Send a stretch of the log once more',
      description: 'Places are those of GET /api/events: the next offset of each partition. Ends at the first failure, at the limit or after 20 s; ' +
        '`next` is where to go on.',
      params: Params,
      body: Type.Object({
        from: place,
        to: place,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }))
      }, { additionalProperties: false }),
      response: {
        200: Type.Object({ delivered: Type.Integer(), next: nullable(Type.String({ description: 'Null: all is sent' })), failure: nullable(Type.String()) }),
        ...problems(400, 404, 413, 415, 422, 503)
      }
    }
  }, async request => {
    const webhook = app.webhooks.get(request.params.id)
    try {
      return await redeliver(app, webhook, { ...request.body, limit: request.body.limit ?? 100 }, new URL(publicUrl()).host)
    } catch (cause) {
      if ((cause as Error).name !== 'TimeoutError') throw cause
      throw new LinklogError('unavailable', 'The log was not read in time', { cause, headers: { 'retry-after': '1' } })
    }
  })
}

export const webhookRoutes: FastifyPluginAsyncTypebox<WebhookRoutesOptions> = async (app, options) => {
  await app.register(changeRoutes, options)
  app.get('/api/webhooks', {
    schema: { tags: ['events'], summary: 'All webhooks', response: { 200: Type.Object({ webhooks: Type.Array(Hook) }), ...problems(503) } }
  }, async () => ({ webhooks: app.webhooks.all().map(toHook) }))

  app.get('/api/webhooks/:id', {
    schema: { tags: ['events'], summary: 'A webhook', params: Params, response: { 200: Hook, ...problems(400, 404, 503) } }
  }, async request => toHook(app.webhooks.get(request.params.id)))
}
