// ListOffsets, OffsetForLeaderEpoch, DeleteRecords: where logs begin, end, and stood at a time.
import { LogError } from '../../log.js'
import type { DiskLog } from '../log/partition-log.js'
import { ERROR_CODES } from '../protocol/errors.js'
import { codeOf, type Handler, type Services } from './context.js'
import { checkLeaderEpoch, LEADER_EPOCH } from './fetch.js'

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5

interface Position { readonly offset: number, readonly timestamp: number }

async function positionAt (log: DiskLog, timestamp: number, committedOnly: boolean): Promise<Position | undefined> {
  if (timestamp === LATEST) return { offset: committedOnly ? log.lastStableOffset : log.logEndOffset, timestamp: -1 }
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) return { offset: log.logStartOffset, timestamp: -1 }
  if (timestamp === LATEST_TIERED) return undefined
  const found = timestamp === MAX_TIMESTAMP ? await log.offsetOfMaxTimestamp() : await log.offsetForTimestamp(timestamp)
  return found === undefined || (committedOnly && found.offset >= log.lastStableOffset) ? undefined : found
}

function logOf (services: Services, topic: string, partition: number): DiskLog {
  const log = services.topics.log(topic, partition)
  if (log === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `There is no partition ${partition} of topic ${topic}`)
  return log
}

export function listOffsetsHandler (services: Services): Handler<'listOffsets'> {
  return async request => {
    const topics = await Promise.all(request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(async ({ partitionIndex, currentLeaderEpoch, timestamp }) => {
        try {
          const log = logOf(services, name, partitionIndex)
          checkLeaderEpoch(currentLeaderEpoch)
          const found = await positionAt(log, timestamp, request.isolationLevel === 1)
          return {
            partitionIndex,
            errorCode: ERROR_CODES.NONE,
            timestamp: found?.timestamp ?? -1,
            offset: found?.offset ?? -1,
            leaderEpoch: found === undefined ? -1 : LEADER_EPOCH
          }
        } catch (error) {
          return { partitionIndex, errorCode: codeOf(error, services.warn), timestamp: -1, offset: -1, leaderEpoch: -1 }
        }
      }))
    })))
    return { throttleTimeMs: 0, topics }
  }
}

export function offsetForLeaderEpochHandler (services: Services): Handler<'offsetForLeaderEpoch'> {
  return request => ({
    throttleTimeMs: 0,
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        try {
          const log = logOf(services, topic, partition)
          checkLeaderEpoch(currentLeaderEpoch)
          const known = leaderEpoch === LEADER_EPOCH
          return { errorCode: ERROR_CODES.NONE, partition, leaderEpoch: known ? LEADER_EPOCH : -1, endOffset: known ? log.logEndOffset : -1 }
        } catch (error) {
          return { errorCode: codeOf(error, services.warn), partition, leaderEpoch: -1, endOffset: -1 }
        }
      })
    }))
  })
}

export function deleteRecordsHandler (services: Services): Handler<'deleteRecords'> {
  return async request => {
    const topics = await Promise.all(request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(async ({ partitionIndex, offset }) => {
        try {
          const log = logOf(services, name, partitionIndex)
          if (!log.config.deletes) throw new LogError('POLICY_VIOLATION', `Records can only be deleted where cleanup.policy has delete: not in ${name}`)
          // -1 means all that is there.
          await services.topics.deleteRecords(log, offset === -1 ? log.logEndOffset : offset)
          return { partitionIndex, lowWatermark: log.logStartOffset, errorCode: ERROR_CODES.NONE }
        } catch (error) {
          return { partitionIndex, lowWatermark: -1, errorCode: codeOf(error, services.warn) }
        }
      }))
    })))
    return { throttleTimeMs: 0, topics }
  }
}
