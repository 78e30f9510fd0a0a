// The thread that ships: reads the spool's files, makes events of what is in them, and carries them into Kafka. Started by ship-thread.ts.
import { Partitioners } from 'kafkajs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { Config, StackAddresses } from '../config.js'
import { AvroCodec } from '../events/avro.js'
import type { Visit } from '../events/visit.js'
import { kafkaClient } from '../plugins/kafka.js'
import { writePosition } from './folder.js'
import { readRawVisit } from './raw-visit.js'
import { Shipper, type ShippedMessage } from './shipper.js'
import { SpoolReader, type SpooledRecord } from './spool-reader.js'
import { SpoolState } from './spool-state.js'
import { visitEvent, visitIds } from './visit-event.js'

export interface ShipOrder {
  readonly config: Config
  readonly stack: StackAddresses
  readonly memory: SharedArrayBuffer
  readonly folder: string
  readonly spoolDirectory: string
  readonly gatewayId: string
  /** How far the spool was last known to be in the log. */
  readonly position: number
  readonly topic: string
  readonly group: string
  readonly schema: string
  readonly schemaId: number
}

export type ToShipper = 'wake' | { readonly drainMs: number }
export type FromShipper = { readonly fault: string } | { readonly stopped: true }

const port = parentPort
if (port === null) throw new Error('ship-worker.ts runs as a thread')
const order = workerData as ShipOrder
const { config, topic, group } = order

// Redirects first: where processors are short, shipping takes what they leave. Only on Linux does the call mean this thread alone.
if (process.platform === 'linux') {
  try {
    setPriority(0, 10)
  } catch {} // not every sandbox lets us; then the scheduler shares evenly
}

const state = new SpoolState(order.memory)
const codec = new AvroCodec<Visit>(order.schema, order.schemaId)
const idOf = visitIds(order.gatewayId)

const messageOf = ({ position, payload }: SpooledRecord): ShippedMessage | undefined => {
  try {
    const raw = readRawVisit(payload)
    return {
      message: {
        key: raw.link,
        value: codec.encode(visitEvent(raw, idOf(raw.visitedAt, position))),
        timestamp: String(raw.visitedAt),
        ...(raw.traceparent !== undefined && { headers: { traceparent: raw.traceparent } })
      },
      visitedAt: raw.visitedAt
    }
  } catch {
    return undefined // counted as damaged
  }
}

// A refusal because the last transaction is not quite over is asked again after some milliseconds, not after the third of a second that is kafkajs's own.
const client = kafkaClient(config, order.stack, { initialRetryTime: 15, maxRetryTime: 2_000, retries: 10 })
const admin = client.admin()
let adminConnected = false

const shipper = new Shipper({
  spool: new SpoolReader(order.spoolDirectory, state),
  state,
  topic,
  group,
  messageOf,
  intervalMs: config.shipIntervalMs,
  settleMs: 500,
  now: Date.now,
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
    if (!adminConnected) await admin.connect()
    adminConnected = true
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const committed = Number(offsets?.partitions.find(({ partition }) => partition === 0)?.offset ?? 0)
    return Math.max(committed, order.position)
  },
  onShipped: position => writePosition(order.folder, position),
  onError: error => port.postMessage({ fault: error instanceof Error ? `${error.name}: ${error.message}` : String(error) } satisfies FromShipper)
})

const stop = async (drainMs: number): Promise<void> => {
  await shipper.stop(drainMs)
  await admin.disconnect().catch(() => {})
  port.postMessage({ stopped: true } satisfies FromShipper)
  port.close()
}

port.on('message', (message: ToShipper) => {
  if (message === 'wake') shipper.wake()
  else stop(message.drainMs).catch(error => { throw error })
})
shipper.start()
