// The thread that ships: reads the spool's files, makes events of what is in them, and carries them into Kafka. Started by ship-thread.ts.
import { Partitioners } from 'kafkajs'
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { Config, StackAddresses } from '../config.js'
import { dayOf, KeyRing } from '../erasure/key-ring.js'
import { VisitSealer } from '../erasure/sealer.js'
import { AvroCodec } from '../events/avro.js'
import type { Visit } from '../events/visit.js'
import { LogReader } from '../log/log-reader.js'
import { kafkaClient } from '../plugins/kafka.js'
import { writePosition } from './folder.js'
import { readRawVisit, type RawVisit } from './raw-visit.js'
import { Fenced, Shipper, type ShippedMessage } from './shipper.js'
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
  /** The topic of the keys that visits are sealed under. */
  readonly keysTopic: string
  readonly group: string
  readonly schema: string
  readonly schemaId: number
  /** How long the shipper may get nowhere, in milliseconds, before it is begun anew; a minute unless told. */
  readonly patienceMs?: number
}

export type ToShipper = 'wake' | { readonly drainMs: number }
export type FromShipper = { readonly fault: string } | { readonly fenced: string } | { readonly stopped: true }

const port = parentPort
if (port === null) throw new Error('ship-worker.ts runs as a thread')
const order = workerData as ShipOrder
const { config, topic, group } = order

// Redirects first: where processors are short, shipping takes what they leave. Only on Linux does the call mean this thread alone.
if (process.platform === 'linux') {
  try {
    setPriority(0, constants.priority.PRIORITY_LOW)
  } catch {} // not every sandbox lets us; then the scheduler shares evenly
}

const state = new SpoolState(order.memory)
const codec = new AvroCodec<Visit>(order.schema, order.schemaId)
const idOf = visitIds(order.gatewayId)

// A refusal because the last transaction is not quite over is asked again after some milliseconds, not after the third of a second that is kafkajs's own.
const client = kafkaClient(config, order.stack, { retry: { initialRetryTime: 15, maxRetryTime: 2_000, retries: 10 } })

/** A thread that has got nowhere for so long ends, and ship-thread.ts starts another: kafkajs sends again without end, and goes by what it knew for minutes. */
const patienceMs = order.patienceMs ?? 60_000
let wellAt = performance.now()
const onWell = (): void => { wellAt = performance.now() }
const watch = setInterval(() => {
  if (performance.now() - wellAt < patienceMs) return
  port.postMessage({ fault: `none was shipped for ${patienceMs / 1_000} s: the shipper begins anew` } satisfies FromShipper)
  process.exit(1) // of this thread
}, patienceMs / 60)

const keyReader = new LogReader(client, order.keysTopic)
const ring = new KeyRing({
  reader: {
    ends: async () => await keyReader.ends(),
    // of very many keys, each that could be read is a step
    fetch: async (positions, maxWaitMs) => {
      const stretches = await keyReader.fetch(positions, maxWaitMs)
      onWell()
      return stretches
    }
  },
  treeBytesMax: 0,
  onUnreadable: (_, error) => port.postMessage({ fault: `a key of visits could not be read: ${String(error)}` } satisfies FromShipper)
})
/** Keys are written once a day, each in a send of its own: before the visits that need them, and in no transaction that could be undone. */
const appendKey = async (key: string, value: Buffer): Promise<void> => {
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false })
  await producer.connect()
  try {
    await producer.send({ topic: order.keysTopic, acks: -1, messages: [{ key, value }] })
    onWell()
  } finally {
    await producer.disconnect().catch(() => {})
  }
}
const sealer = new VisitSealer({ ring, append: appendKey, now: () => performance.now() })

/** As far from 1970 as a Date goes. */
const farthestMs = 8.64e15
const rawVisitOf = ({ payload }: SpooledRecord): RawVisit | undefined => {
  try {
    const raw = readRawVisit(payload)
    return Number.isInteger(raw.visitedAt) && Math.abs(raw.visitedAt) <= farthestMs ? raw : undefined
  } catch {
    return undefined // counted as damaged
  }
}

const messageOf = (raw: RawVisit, position: number): ShippedMessage | undefined => {
  try {
    return {
      message: {
        key: raw.link,
        value: codec.encode(visitEvent(raw, idOf(raw.visitedAt, position), sealer)),
        timestamp: String(raw.visitedAt),
        ...(raw.traceparent !== undefined && { headers: { traceparent: raw.traceparent } })
      },
      visitedAt: raw.visitedAt
    }
  } catch {
    return undefined // counted as damaged
  }
}

const messagesOf = async (records: readonly SpooledRecord[]): Promise<ReadonlyArray<ShippedMessage | undefined>> => {
  const visits = records.map(rawVisitOf)
  await sealer.ready(new Set(visits.flatMap(raw => raw === undefined ? [] : [dayOf(raw.visitedAt)])))
  return visits.map((raw, index) => raw === undefined ? undefined : messageOf(raw, (records[index] as SpooledRecord).position))
}

const shipper = new Shipper({
  spool: new SpoolReader(order.spoolDirectory, state),
  state,
  topic,
  group,
  messagesOf,
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
    try {
      await producer.connect()
      // connecting claims nothing: beginning the first transaction does (InitProducerId). One that holds nothing is ended without a request
      const transaction = await producer.transaction()
      await transaction.abort()
    } catch (error) {
      await producer.disconnect().catch(() => {})
      throw error
    }
    return producer
  },
  committed: async () => {
    const admin = client.admin()
    try {
      await admin.connect()
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      const committed = Number(offsets?.partitions.find(({ partition }) => partition === 0)?.offset ?? 0)
      return Math.max(committed, order.position)
    } finally {
      await admin.disconnect().catch(() => {})
    }
  },
  onWell,
  onShipped: position => writePosition(order.folder, position),
  onError: error => {
    if (error instanceof Fenced) {
      clearInterval(watch)
      port.postMessage({ fenced: error.message } satisfies FromShipper)
    } else {
      port.postMessage({ fault: error instanceof Error ? `${error.name}: ${error.message}` : String(error) } satisfies FromShipper)
    }
  }
})

const stop = async (drainMs: number): Promise<void> => {
  clearInterval(watch)
  await shipper.stop(drainMs)
  await keyReader.close()
  port.postMessage({ stopped: true } satisfies FromShipper)
  port.close()
}

port.on('message', (message: ToShipper) => {
  if (message === 'wake') shipper.wake()
  else stop(message.drainMs).catch(error => { throw error })
})
shipper.start()
