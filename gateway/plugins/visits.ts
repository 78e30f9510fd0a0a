// app.visits: the recorder of visits, with the spool and the shipper behind it; app.visitorDraw: where visitors stand in a split.
import fp from 'fastify-plugin'
import { Partitioners } from 'kafkajs'
import path from 'node:path'
import type { Config } from '../config.js'
import type { Names } from '../topics.js'
import type { VisitorDraw } from '../links/rule-facts.js'
import { visitorDraw } from '../visits/draw.js'
import { GatewayFolder } from '../visits/folder.js'
import { VisitRecorder } from '../visits/recorder.js'
import { Shipper } from '../visits/shipper.js'
import { Spool } from '../visits/spool.js'
import { visitorHasher, visitorSecret } from '../visits/visitor.js'

declare module 'fastify' {
  interface FastifyInstance {
    visits: VisitRecorder
    visitorDraw: VisitorDraw
  }
}

const droppedLogEvery = 1_000

export const visitsPlugin = fp<{ config: Config, names: Names }>(async (app, { config, names }) => {
  const folder = await GatewayFolder.open(path.join(config.dataDir, 'gateway'))
  const spool = await Spool.open({
    directory: path.join(folder.directory, 'spool'),
    bytesMax: config.spoolBytesMax,
    segmentBytes: config.spoolSegmentBytes,
    after: folder.position
  })
  const secret = await visitorSecret(config.visitorSecret, folder.directory)
  const hash = visitorHasher(secret)
  app.decorate('visitorDraw', visitorDraw(secret))
  const group = names.topic(`linklog-spool-${folder.gatewayId}`)
  const { client, admin } = app.kafka
  const shipper = new Shipper({
    spool,
    topic: names.visits,
    group,
    intervalMs: config.shipIntervalMs,
    connect: async () => {
      const producer = client.producer({
        transactionalId: group,
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: Partitioners.DefaultPartitioner,
        allowAutoTopicCreation: false,
        transactionTimeout: 30_000
      })
      await producer.connect()
      return producer
    },
    committed: async () => {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [names.visits] })
      const committed = Number(offsets?.partitions.find(({ partition }) => partition === 0)?.offset ?? 0)
      return Math.max(committed, folder.position)
    },
    onShipped: position => { folder.position = position },
    onError: error => app.log.warn({ err: error }, 'visits could not be shipped; they wait in the spool')
  })
  app.decorate('visits', new VisitRecorder({
    spool,
    codec: app.codecs.visit,
    hash,
    now: Date.now,
    onDropped: (error, dropped) => {
      if (dropped % droppedLogEvery === 1) app.log.error({ err: error, dropped }, 'a visit could not be recorded')
    }
  }))
  shipper.start()
  app.addHook('onClose', async () => {
    await shipper.stop(config.stopTimeoutMs / 2)
    spool.close()
    folder.close()
  })
}, { name: 'visits', dependencies: ['kafka', 'registry'] })
