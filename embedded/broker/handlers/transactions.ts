// Everything that asks the transaction coordinator.
import { LogError } from '../../log.js'
import { ERROR_CODES, errorCode } from '../protocol/errors.js'
import { GROUP_OFFSETS_TOPIC } from '../topics/topics.js'
import { codeOf, type Handler, type Services } from './context.js'
import { commitOffsets } from './groups.js'

/** PRODUCER_FENCED is newer than its meaning: before `since` it was INVALID_PRODUCER_EPOCH. */
function fencedCode (error: unknown, version: number, since: number, warn: (message: string) => void): number {
  const code = codeOf(error, warn)
  return code === ERROR_CODES.PRODUCER_FENCED && version < since ? ERROR_CODES.INVALID_PRODUCER_EPOCH : code
}

export function initProducerIdHandler (services: Services): Handler<'initProducerId'> {
  return async ({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }, { version }) => {
    try {
      const given = await services.transactions.initProducerId(transactionalId, transactionTimeoutMs, { producerId, producerEpoch })
      return { throttleTimeMs: 0, errorCode: ERROR_CODES.NONE, ...given }
    } catch (error) {
      return { throttleTimeMs: 0, errorCode: fencedCode(error, version, 4, services.warn), producerId: -1, producerEpoch: -1 }
    }
  }
}

export function addPartitionsToTxnHandler (services: Services): Handler<'addPartitionsToTxn'> {
  return async ({ transactionalId, producerId, producerEpoch, topics }, { version }) => {
    const unknown = (topic: string, partition: number): boolean => services.topics.log(topic, partition) === undefined
    const anyUnknown = topics.some(({ name, partitions }) => partitions.some(partition => unknown(name, partition)))
    let code: number = ERROR_CODES.NONE
    try {
      const partitions = topics.flatMap(({ name, partitions }) => partitions.map(partition => ({ topic: name, partition })))
      if (!anyUnknown) await services.transactions.addPartitions(transactionalId, producerId, producerEpoch, partitions)
    } catch (error) {
      code = fencedCode(error, version, 2, services.warn)
    }
    // All or nothing: one unknown partition, and the others were not attempted (Kafka's OPERATION_NOT_ATTEMPTED).
    const codeFor = (topic: string, partition: number): number => !anyUnknown ? code : unknown(topic, partition) ? ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION : 55
    return {
      throttleTimeMs: 0,
      results: topics.map(({ name, partitions }) => ({
        name, partitions: partitions.map(partitionIndex => ({ partitionIndex, errorCode: codeFor(name, partitionIndex) }))
      }))
    }
  }
}

export function addOffsetsToTxnHandler (services: Services): Handler<'addOffsetsToTxn'> {
  return async ({ transactionalId, producerId, producerEpoch }, { version }) => {
    try {
      await services.transactions.addPartitions(transactionalId, producerId, producerEpoch, [{ topic: GROUP_OFFSETS_TOPIC, partition: 0 }])
      return { throttleTimeMs: 0, errorCode: ERROR_CODES.NONE }
    } catch (error) {
      return { throttleTimeMs: 0, errorCode: fencedCode(error, version, 2, services.warn) }
    }
  }
}

export function txnOffsetCommitHandler (services: Services): Handler<'txnOffsetCommit'> {
  return async ({ groupId, memberId, groupInstanceId, generationId, producerId, producerEpoch, topics }) => {
    const fault = services.groups.commitFault(groupId, memberId, groupInstanceId, generationId, true) ??
      services.transactions.produceFault(producerId, producerEpoch, GROUP_OFFSETS_TOPIC, 0)
    return { throttleTimeMs: 0, topics: await commitOffsets(services, groupId, topics, fault, { producerId, producerEpoch }) }
  }
}

export function endTxnHandler (services: Services): Handler<'endTxn'> {
  return async ({ transactionalId, producerId, producerEpoch, committed }, { version }) => {
    try {
      await services.transactions.end(transactionalId, producerId, producerEpoch, committed ? 'commit' : 'abort')
      return { throttleTimeMs: 0, errorCode: ERROR_CODES.NONE }
    } catch (error) {
      if (error instanceof LogError && error.code === 'NOT_LEADER_OR_FOLLOWER') return { throttleTimeMs: 0, errorCode: errorCode('COORDINATOR_NOT_AVAILABLE') }
      return { throttleTimeMs: 0, errorCode: fencedCode(error, version, 2, services.warn) }
    }
  }
}
