// app.webhooks and app.webhookSender: the subscriptions, and the deliveries that run on this gateway.
import fp from 'fastify-plugin'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { matches } from '../changes/change.js'
import type { Config, StackAddresses } from '../config.js'
import { followFeed } from '../ksqldb/feed.js'
import { WebhookQueries } from '../queries/webhooks.js'
import type { Names } from '../topics.js'
import { visitorSecret } from '../visits/visitor.js'
import { WebhookDelivery } from '../webhooks/delivery.js'
import { WebhookSender } from '../webhooks/sender.js'
import { WebhookService } from '../webhooks/service.js'
import { secretOf } from '../webhooks/signature.js'
import { kafkaClient } from './kafka.js'

declare module 'fastify' {
  interface FastifyInstance {
    webhooks: WebhookService
    webhookSender: WebhookSender
    /** The secret of a webhook's generation, for the one answer that shows it. */
    webhookSecret: (id: string, generation: number) => string
  }
}

export interface WebhooksOptions { readonly config: Config, readonly stack: StackAddresses, readonly names: Names, readonly defaultHost: () => string }

const sendTimeoutMs = 10_000
const refreshMs = 60_000

export const webhooksPlugin = fp<WebhooksOptions>(async (app, { config, stack, names, defaultHost }) => {
  const queries = new WebhookQueries(app.ksqldb, names)
  const serviceSecret = await visitorSecret(config.visitorSecret, path.join(config.dataDir, 'gateway'))
  const client = kafkaClient(config, stack, { joins: true })
  const sender = new WebhookSender({ serviceSecret, allowPrivate: config.webhookPrivateAddresses, timeoutMs: sendTimeoutMs, now: Date.now })
  const groupOf = (id: string) => names.topic(`linklog-webhook-${id}`)
  const webhooks = new WebhookService({
    load: async () => await queries.all(),
    write: async (id, event) => await app.kafka.events.append(names.webhookEvents, id, app.codecs.webhookEvent.encode(event)),
    beginAtEnd: async id => {
      const offsets = await app.kafka.admin.fetchTopicOffsets(names.linkEvents)
      const partitions = offsets.map(({ partition, high }) => ({ partition, offset: high }))
      await app.kafka.admin.setOffsets({ groupId: groupOf(id), topic: names.linkEvents, partitions })
    },
    run: async (webhook, onGivenUp) => {
      const delivery = new WebhookDelivery({
        consumer: client.consumer({ groupId: groupOf(webhook().id), allowAutoTopicCreation: false, maxWaitTimeInMs: 500, sessionTimeout: 30_000 }),
        topic: names.linkEvents,
        read: async (records, signal) => await app.changes.read(records, signal),
        wants: change => matches(change, webhook(), defaultHost()),
        send: async (change, signal) => await sender.send(webhook(), change, signal),
        onGivenUp,
        giveUpMs: config.webhookGiveUpMs,
        now: Date.now
      })
      await delivery.start()
      return delivery
    },
    newId: randomUUID,
    now: Date.now,
    onError: error => app.log.warn({ err: error }, 'a webhook could not be served')
  })
  app.decorate('webhooks', webhooks)
  app.decorate('webhookSender', sender)
  app.decorate('webhookSecret', (id: string, generation: number) => secretOf(serviceSecret, id, generation))
  const stop = new AbortController()
  const refresh = () => { webhooks.refresh().catch((error: unknown) => app.log.warn({ err: error }, 'the webhooks could not be read')) }
  const feed = followFeed({
    open: async signal => await queries.changes(signal),
    onRow: webhook => webhooks.changed(webhook),
    onState: up => { if (up) refresh() },
    onError: error => app.log.warn({ err: error }, 'the feed of webhooks broke')
  }, stop.signal)
  const timer = setInterval(refresh, refreshMs)
  app.addHook('preClose', async () => {
    clearInterval(timer)
    stop.abort()
    await feed
    await webhooks.close()
    await sender.close()
  })
}, { name: 'webhooks', dependencies: ['changes', 'kafka', 'ksqldb', 'registry'] })
