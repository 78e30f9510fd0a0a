// Fetch: batches as stored, after a wait where there are too few. Fetch sessions (KIP-227) are declined, as the protocol lets a broker do.
import { LogError } from '../../log.js'
import type { DiskLog, Isolation } from '../log/partition-log.js'
import { ERROR_CODES } from '../protocol/errors.js'
import { ZERO_UUID } from '../protocol/schema.js'
import { codeOf, type Handler, type Request, type RequestContext, type Response, type Services } from './context.js'

/** One answer is never larger, whatever a client asks for, but for a single batch that is. */
const RESPONSE_BYTES_MAX = 55 * 1024 * 1024
const WAIT_MS_MAX = 5 * 60_000
/** The broker never changes leaders: one epoch for ever. */
export const LEADER_EPOCH = 0

type FetchResponse = NonNullable<Response<'fetch'>>
type TopicResponse = FetchResponse['topics'][number]
type PartitionResponse = TopicResponse['partitions'][number]
interface Wanted { readonly log: DiskLog, readonly appendedBytes: number }

export function fetchHandler (services: Services): Handler<'fetch'> {
  return async (request, context) => {
    if (request.sessionId !== 0) return { throttleTimeMs: 0, errorCode: ERROR_CODES.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, topics: [] }
    const deadline = Math.min(Math.max(request.maxWaitMs, 0), WAIT_MS_MAX)
    // What is appended from here on ends the wait, also while the first read is under way.
    const wanted = wantedLogs(services, request)
    let answer = await readAll(services, request)
    if (answer.bytes < request.minBytes && !answer.failed && deadline > 0 && wanted.length > 0) {
      await appended(wanted, Math.max(1, request.minBytes - answer.bytes), deadline, context)
      answer = await readAll(services, request)
    }
    return { throttleTimeMs: 0, errorCode: ERROR_CODES.NONE, sessionId: 0, topics: answer.topics }
  }
}

function nameOf (services: Services, topic: { topic: string, topicId: string }): string | undefined {
  return topic.topicId === ZERO_UUID ? topic.topic : services.topics.nameOf(topic.topicId)
}

function wantedLogs (services: Services, request: Request<'fetch'>): Wanted[] {
  return request.topics.flatMap(topic => topic.partitions.flatMap(({ partition }) => {
    const log = services.topics.log(nameOf(services, topic) ?? '', partition)
    return log === undefined ? [] : [{ log, appendedBytes: log.appendedBytes }]
  }))
}

/** Resolves when so many bytes were appended to the logs together, the time is up or the client has gone. */
function appended (wanted: readonly Wanted[], bytes: number, waitMs: number, context: RequestContext): Promise<void> {
  return new Promise(resolve => {
    const stops: (() => void)[] = []
    const finish = (): void => {
      for (const stop of stops) stop()
      resolve()
    }
    const check = (): void => {
      let sum = 0
      for (const { log, appendedBytes } of wanted) {
        if (log.isClosed) return finish()
        sum += log.appendedBytes - appendedBytes
      }
      if (sum >= bytes) finish()
    }
    const timer = setTimeout(finish, waitMs)
    stops.push(() => clearTimeout(timer))
    context.signal.addEventListener('abort', finish, { once: true })
    stops.push(() => context.signal.removeEventListener('abort', finish))
    for (const { log } of wanted) stops.push(log.onAppend(check))
    check()
  })
}

async function readAll (services: Services, request: Request<'fetch'>): Promise<{ topics: TopicResponse[], bytes: number, failed: boolean }> {
  const isolation: Isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
  let left = Math.min(Math.max(request.maxBytes, 0), RESPONSE_BYTES_MAX)
  let bytes = 0
  let failed = false
  const topics: TopicResponse[] = []
  for (const topic of request.topics) {
    const name = nameOf(services, topic)
    const partitions: PartitionResponse[] = []
    for (const wanted of topic.partitions) {
      const size = Math.min(wanted.partitionMaxBytes, left)
      const { response, size: got } = await readOne(services, name, wanted, bytes === 0 ? Math.max(size, 1) : size, isolation)
      bytes += got
      left -= got
      failed ||= response.errorCode !== 0
      partitions.push(response)
    }
    topics.push({ topic: topic.topic, topicId: topic.topicId, partitions })
  }
  return { topics, bytes, failed }
}

type WantedPartition = Request<'fetch'>['topics'][number]['partitions'][number]

async function readOne (services: Services, topic: string | undefined, wanted: WantedPartition, size: number, isolation: Isolation) {
  const { partition, fetchOffset } = wanted
  try {
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_ID', 'No topic has that id')
    const log = services.topics.log(topic, partition)
    if (log === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `There is no partition ${partition} of topic ${topic}`)
    checkLeaderEpoch(wanted.currentLeaderEpoch)
    // Below one byte the answer is already full; what was asked for is still worth an error where it is out of range.
    const { chunks, bytes } = await log.readChunks(fetchOffset, size, isolation, size > 0)
    const aborted = isolation === 'read_committed' ? log.abortedWithin(fetchOffset, chunks) : null
    const response: PartitionResponse = {
      partitionIndex: partition,
      errorCode: ERROR_CODES.NONE,
      highWatermark: log.logEndOffset,
      lastStableOffset: log.lastStableOffset,
      logStartOffset: log.logStartOffset,
      abortedTransactions: aborted,
      records: chunks
    }
    return { response, size: bytes }
  } catch (error) {
    const response: PartitionResponse = {
      partitionIndex: partition, errorCode: codeOf(error, services.warn), highWatermark: -1, lastStableOffset: -1, logStartOffset: -1,
      abortedTransactions: isolation === 'read_committed' ? [] : null, records: []
    }
    return { response, size: 0 }
  }
}

/** Throws LogError FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH where a client knows of another epoch than ours (KIP-320). */
export function checkLeaderEpoch (epoch: number): void {
  if (epoch === -1 || epoch === LEADER_EPOCH) return
  throw new LogError(epoch < LEADER_EPOCH ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH', `The leader epoch is ${LEADER_EPOCH}, not ${epoch}`)
}
