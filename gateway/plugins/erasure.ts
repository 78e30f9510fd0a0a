// app.erasure: what erases who came, and the erasures that were made.
import fp from 'fastify-plugin'
import { Partitioners } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import type { Config } from '../config.js'
import { Eraser } from '../erasure/eraser.js'
import { ScanGate } from '../lists/scan-gate.js'
import { ErasureQueries } from '../queries/erasures.js'
import type { Names } from '../topics.js'
import { AddressTokens, visitorOf, visitorSecret } from '../visits/visitor.js'

export interface ErasureAccess {
  readonly eraser: Eraser
  readonly queries: ErasureQueries
  /** The id on raw visits of who came from an address with an agent, at an instant in milliseconds since 1970. */
  readonly visitorAt: (address: string, agent: string, ms: number) => string
}

declare module 'fastify' {
  interface FastifyInstance { erasure: ErasureAccess }
}

/** Each may read the whole log. */
const erasuresAtOnce = { runningMax: 1, waitingMax: 4, timeoutMs: 60_000 }

export const erasurePlugin = fp<{ config: Config, names: Names }>(async (app, { config, names }) => {
  const { kafka, questions } = app
  const secret = await visitorSecret(config.visitorSecret, config.gatewayDir)
  const transactionalId = names.topic('linklog-eraser')
  const eraser = new Eraser({
    log: questions.log,
    since: questions.since,
    ends: questions.ends,
    keys: app.visitKeys,
    connect: async () => {
      const producer = kafka.client.producer({
        transactionalId, idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false,
        transactionTimeout: 30_000
      })
      await producer.connect()
      return producer
    },
    keysTopic: names.visitKeys,
    eventsTopic: names.erasureEvents,
    encode: event => app.codecs.erasureEvent.encode(event),
    gate: new ScanGate(erasuresAtOnce),
    newId: randomUUID,
    now: Date.now
  })
  app.decorate('erasure', {
    eraser,
    queries: new ErasureQueries(app.ksqldb, names),
    visitorAt: (address, agent, ms) => visitorOf(new AddressTokens(secret).of(address, ms), agent)
  })
}, { name: 'erasure', dependencies: ['kafka', 'ksqldb', 'questions', 'registry', 'visit-keys'] })
