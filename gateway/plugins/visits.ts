// app.visits: the recorder of visits, with the spool and the shipper's thread behind it; app.spool: what they have done, for those who watch;
// app.visitorDraw: where visitors stand in a split.
import fp from 'fastify-plugin'
import path from 'node:path'
import type { Config, StackAddresses } from '../config.js'
import type { VisitorDraw } from '../links/rule-facts.js'
import type { Names } from '../topics.js'
import { Holds } from '../views/holds.js'
import { visitorDraw } from '../visits/draw.js'
import { GatewayFolder } from '../visits/folder.js'
import { HeldVisits } from '../visits/held.js'
import { leftoverFolders, shipLeftover } from '../visits/leftover.js'
import { VisitRecorder } from '../visits/recorder.js'
import { ShipThread } from '../visits/ship-thread.js'
import { SpoolWriter } from '../visits/spool-writer.js'
import { AddressTokens, visitorSecret } from '../visits/visitor.js'
import { follow } from './follow.js'

declare module 'fastify' {
  interface FastifyInstance {
    visits: VisitRecorder
    spool: SpoolWriter
    visitorDraw: VisitorDraw
  }
}

/** What visitors' browsers said does not lie on disk for much longer than it takes to ship it. */
const rollEveryMs = 60_000

export interface VisitsPluginOptions {
  readonly config: Config
  readonly stack: StackAddresses
  readonly names: Names
  /** Told where this process must end, since another has its place. */
  readonly onLost: (error: Error) => void
}

export const visitsPlugin = fp<VisitsPluginOptions>(async (app, { config, stack, names, onLost }) => {
  const folder = await GatewayFolder.open(config.gatewayDir)
  const { directory, gatewayId, position } = folder
  const spoolDirectory = path.join(directory, 'spool')
  const spool = SpoolWriter.open({ directory: spoolDirectory, bytesMax: config.spoolBytesMax, segmentBytes: config.spoolSegmentBytes, after: position })
  const secret = await visitorSecret(config.visitorSecret, directory)
  const { schema, schemaId } = app.codecs.visit
  const groupOf = (id: string): string => names.topic(`linklog-spool-${id}`)
  const onFault = (fault: string): void => app.log.warn(`visits could not be shipped, and wait in the spool: ${fault}`)
  const thread = new ShipThread({
    order: {
      config, stack, memory: spool.state.memory, folder: directory, spoolDirectory, gatewayId, position, topic: names.visits,
      keysTopic: names.visitKeys, schema, schemaId, group: groupOf(gatewayId)
    },
    state: spool.state,
    onFault,
    onFenced: why => onLost(new Error(`another gateway has the id in ${path.join(directory, 'gateway-id')}: ${why}`))
  })
  app.decorate('spool', spool)
  app.decorate('visitorDraw', visitorDraw(secret))
  app.decorate('visits', new VisitRecorder({
    spool,
    tokens: new AddressTokens(secret),
    onWritten: () => thread.written(),
    onDropped: (fault, dropped) => app.log.error({ err: fault, dropped }, 'visits are not recorded; redirects go on'),
    now: () => performance.now()
  }))
  const { metrics } = app
  const { state } = spool
  const ago = (since: number): number => since === 0 ? 0 : Math.max(0, Date.now() - since) / 1_000
  metrics.counter('linklog_visits_recorded_total', 'Visits written to the spool', () => spool.recorded)
  metrics.counter('linklog_visits_dropped_total', 'Visits that the spool or the disk did not take', () => spool.dropped)
  metrics.counter('linklog_visits_shipped_total', 'Visits carried into the log', () => state.get('shippedVisits'))
  metrics.counter('linklog_ship_transactions_total', 'Transactions that carried visits', () => state.get('transactions'))
  metrics.counter('linklog_ship_failures_total', 'Times that shipping failed and was begun again', () => state.get('failures'))
  metrics.counter('linklog_spool_damaged_bytes_total', 'Bytes of the spool that were damaged on disk and passed over', () => state.get('damagedBytes'))
  metrics.gauge('linklog_spool_bytes', 'Bytes on disk', () => spool.bytes)
  metrics.gauge('linklog_spool_unshipped_bytes', 'Bytes that the log does not have yet', () => Math.max(0, state.get('end') - state.get('shipped')))
  metrics.gauge('linklog_spool_oldest_age_seconds', 'Age of the oldest visit that the log does not have yet', () => ago(state.get('oldestWaitingAt')), 'max')
  metrics.gauge('linklog_ship_transaction_seconds', 'How long the last transaction took', () => state.get('transactionMs') / 1_000, 'max')
  metrics.gauge('linklog_log_connected', '1 while the log takes visits', () => state.get('connected'), 'min')
  metrics.gauge('linklog_shipping_held', '1 while visits are held back for linklog rebuild', () => state.heldMs > 0 ? 1 : 0, 'max')
  thread.start()
  const holds = new Holds(app.ksqldb, names)
  const held = new HeldVisits({ spool, now: () => performance.now() })
  follow(app, 'whether visits are held back', async () => held.follow(await holds.last()))
  const rolling = setInterval(() => spool.rollShipped(), rollEveryMs)
  const stop = new AbortController()
  const leftovers = config.worker !== 1
    ? []
    : leftoverFolders(config.dataDir, config.workers).map(async leftover => await shipLeftover(leftover, {
      order: { config, stack, topic: names.visits, keysTopic: names.visitKeys, schema, schemaId }, groupOf, onFault, signal: stop.signal
    }).catch((error: unknown) => app.log.error({ err: error, folder: leftover }, 'the visits of an earlier worker could not be shipped')))
  app.addHook('onClose', async () => {
    clearInterval(rolling)
    stop.abort()
    await Promise.all(leftovers)
    spool.close()
    await thread.stop(config.stopTimeoutMs / 2)
    folder.close()
  })
}, { name: 'visits', dependencies: ['registry', 'metrics', 'ksqldb'] })
