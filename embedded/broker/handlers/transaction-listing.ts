// What kafka-transactions.sh asks (KIP-664): which transactions there are, how each stands, which producers a partition knows.
import { TXN_STATES } from '../coordinator/state-records.js'
import { ERROR_CODES } from '../protocol/errors.js'
import type { Handler, Services } from './context.js'

export function listTransactionsHandler (services: Services): Handler<'listTransactions'> {
  return ({ stateFilters, producerIdFilters, durationFilter }) => {
    const states: readonly string[] = TXN_STATES
    const now = services.clock()
    const matches = [...services.transactions.all()].filter(txn =>
      (stateFilters.length === 0 || stateFilters.includes(txn.state)) &&
      (producerIdFilters.length === 0 || producerIdFilters.includes(txn.producerId)) &&
      (durationFilter < 0 || (txn.state === 'Ongoing' && now - txn.startTimestamp > durationFilter)))
    return {
      throttleTimeMs: 0,
      errorCode: ERROR_CODES.NONE,
      unknownStateFilters: stateFilters.filter(state => !states.includes(state)),
      transactionStates: matches.map(({ transactionalId, producerId, state }) => ({ transactionalId, producerId, transactionState: state }))
    }
  }
}

export function describeTransactionsHandler (services: Services): Handler<'describeTransactions'> {
  return ({ transactionalIds }) => ({
    throttleTimeMs: 0,
    transactionStates: transactionalIds.map(transactionalId => {
      const txn = services.transactions.get(transactionalId)
      if (txn === undefined) {
        return {
          errorCode: ERROR_CODES.TRANSACTIONAL_ID_NOT_FOUND, transactionalId, transactionState: '', transactionTimeoutMs: 0,
          transactionStartTimeMs: -1, producerId: -1, producerEpoch: -1, topics: []
        }
      }
      const partitions = [...txn.partitions.values()]
      return {
        errorCode: ERROR_CODES.NONE,
        transactionalId,
        transactionState: txn.state,
        transactionTimeoutMs: txn.timeoutMs,
        transactionStartTimeMs: txn.startTimestamp,
        producerId: txn.producerId,
        producerEpoch: txn.producerEpoch,
        topics: [...new Set(partitions.map(({ topic }) => topic))].map(topic =>
          ({ topic, partitions: partitions.filter(one => one.topic === topic).map(({ partition }) => partition) }))
      }
    })
  })
}

export function describeProducersHandler (services: Services): Handler<'describeProducers'> {
  const producers = (topic: string, partition: number) => [...services.topics.log(topic, partition)?.producers.entries.values() ?? []].map(entry => ({
    producerId: entry.producerId,
    producerEpoch: entry.epoch,
    lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
    lastTimestamp: entry.timestamp,
    coordinatorEpoch: 0, // one coordinator, which is never replaced
    currentTxnStartOffset: entry.txnFirstOffset ?? -1
  }))
  return ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(partitionIndex => {
        const known = services.topics.log(name, partitionIndex) !== undefined
        const errorCode = known ? ERROR_CODES.NONE : ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION
        return { partitionIndex, errorCode, errorMessage: null, activeProducers: producers(name, partitionIndex) }
      })
    }))
  })
}
