// One applier at a time, of all gateways on a cluster: it leads a consumer group. Kafka elects one leader, keeps it while it is heard, and elects the next
// when it leaves or dies. ksqlDB itself has no lock, and of two CREATE … AS at the same moment it may give both the same query id.
import type { Consumer, ConsumerConfig, Kafka } from 'kafkajs'
import { MigrationError } from './files.js'

/** Runs a task while no other gateway runs one; the signal aborts where another was elected meanwhile, because this one was not heard. */
export type Alone = <T>(task: (signal: AbortSignal) => Promise<T>) => Promise<T>

/** One that dies without leaving holds the others up for so long. */
const sessionTimeout = 10_000
const heartbeatInterval = 100
/** A statement is given six minutes to be carried out; a whole ksql/ takes one or two on a cluster. */
const turnTimeoutMs = 900_000

/** Follows who leads. `elected` resolves when this member does for the first time; `lost` aborts when it no longer does, or cannot be a member. */
const follow = (consumer: Consumer): { readonly elected: Promise<void>, readonly lost: AbortSignal } => {
  const lost = new AbortController()
  const elected = new Promise<void>((resolve, reject) => {
    let leads = false
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { isLeader } }) => {
      if (leads && !isLeader) lost.abort(new MigrationError('another gateway applies the migrations now, because this one was not heard'))
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
 * @throws MigrationError where its turn does not come in time, kafkajs's error where Kafka refuses or does not answer.
 */
export const applierLock = (client: Kafka, groupId: string, waitMs = turnTimeoutMs): Alone => async task => {
  const settings: ConsumerConfig = { groupId, sessionTimeout, heartbeatInterval, maxWaitTimeInMs: heartbeatInterval, allowAutoTopicCreation: false }
  const consumer = client.consumer(settings)
  const { elected, lost } = follow(consumer)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((resolve, reject) => {
    timer = setTimeout(() => reject(new MigrationError(`another gateway has been applying migrations for ${waitMs / 1_000} s (consumer group ${groupId})`)), waitMs)
  })
  try {
    await consumer.connect()
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
    await Promise.race([elected, late])
    clearTimeout(timer)
    return await task(lost)
  } finally {
    clearTimeout(timer)
    await consumer.disconnect().catch(() => {})
  }
}
