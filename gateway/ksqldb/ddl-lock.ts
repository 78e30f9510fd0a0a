// One at a time, of all gateways and commands on a cluster, makes and drops what ksqlDB has: the one that leads a consumer group. Kafka elects one leader,
// keeps it while it is heard, and elects the next when it leaves or dies. ksqlDB itself has no lock, and of two CREATE … AS at the same moment it may give
// both the same query id.
import type { Consumer, Kafka } from 'kafkajs'

/** Runs a task while no other does; the signal aborts where another was elected meanwhile, because this one was not heard. */
export type Alone = <T>(task: (signal: AbortSignal) => Promise<T>) => Promise<T>

export interface DdlLockOptions {
  readonly client: Kafka
  readonly groupId: string
  /** How long to wait for the turn, in milliseconds. */
  readonly waitMs: number
  /** Aborting it ends the waiting. */
  readonly signal?: AbortSignal
}

/** Another makes or drops what ksqlDB has, and is not done, or took over. */
export class NotAlone extends Error {
  readonly code = 'LINKLOG_NOT_ALONE'
}

/** One that dies without leaving holds the others up for so long. */
const sessionTimeout = 10_000
const heartbeatInterval = 100

/** Follows who leads. `elected` resolves when this member does for the first time; `lost` aborts when it no longer does, or cannot be a member. */
const follow = (consumer: Consumer): { readonly elected: Promise<void>, readonly lost: AbortSignal } => {
  const lost = new AbortController()
  const elected = new Promise<void>((resolve, reject) => {
    let leads = false
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { isLeader } }) => {
      if (leads && !isLeader) lost.abort(new NotAlone('another makes or drops tables now, because this one was not heard'))
      leads ||= isLeader
      if (leads) resolve()
    })
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (restart) return
      lost.abort(error)
      reject(error)
    })
  })
  elected.catch(() => {}) // reported where it is awaited
  return { elected, lost: lost.signal }
}

/**
 * The lock of a group's name. Its consumer subscribes to no topic: it is there to be elected, and needs READ on the group alone.
 * @throws NotAlone where its turn does not come in time, the signal's reason, kafkajs's error where Kafka refuses or does not answer.
 */
export const ddlLock = ({ client, groupId, waitMs, signal }: DdlLockOptions): Alone => async task => {
  const consumer = client.consumer({ groupId, sessionTimeout, heartbeatInterval, maxWaitTimeInMs: heartbeatInterval, allowAutoTopicCreation: false })
  const { elected, lost } = follow(consumer)
  const waited = new AbortController()
  const timer = setTimeout(() => {
    waited.abort(new NotAlone(`another gateway applies migrations, or a rebuild runs, for ${waitMs / 1_000} s and more (consumer group ${groupId})`))
  }, waitMs)
  const over = AbortSignal.any(signal === undefined ? [waited.signal] : [waited.signal, signal])
  const ended = new Promise<never>((resolve, reject) => {
    over.addEventListener('abort', () => reject(over.reason instanceof Error ? over.reason : new NotAlone(String(over.reason))), { once: true })
  })
  ended.catch(() => {}) // it may come while the group is being joined, and is reported where it is awaited
  try {
    over.throwIfAborted()
    await consumer.connect()
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
    await Promise.race([elected, ended])
    clearTimeout(timer)
    return await task(lost)
  } finally {
    clearTimeout(timer)
    await consumer.disconnect().catch(() => {})
  }
}
