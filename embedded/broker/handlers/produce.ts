// Produce: each partition's batch to its log, all at once; the answer when all are written.
import { BatchView } from '../../records/batch.js'
import { LogError } from '../../log.js'
import { ERROR_CODES } from '../protocol/errors.js'
import { codeOf, messageOf, type Handler, type Request, type Services } from './context.js'

type ProduceRequest = Request<'produce'>

export function produceHandler (services: Services): Handler<'produce'> {
  return async request => {
    const topics = await Promise.all(request.topics.map(async topic => ({
      name: topic.name,
      partitions: await Promise.all(topic.partitions.map(async ({ index, records }) => await append(services, request, topic.name, index, records)))
    })))
    if (request.acks !== 0) return { topics, throttleTimeMs: 0 }
    const failed = topics.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
    // With acks=0 the only way to tell is to hang up.
    if (failed !== undefined) throw new LogError('INVALID_REQUEST', `a Produce with acks=0 failed: ${failed.errorMessage}`)
    return undefined
  }
}

const FAILED = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }

async function append (services: Services, request: ProduceRequest, topic: string, index: number, records: Buffer | null) {
  try {
    if (request.acks < -1 || request.acks > 1) throw new LogError('INVALID_REQUIRED_ACKS', `acks must be -1, 0 or 1, not ${request.acks}`)
    const found = services.topics.get(topic)
    const log = found?.logs[index]
    if (log === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `There is no partition ${index} of topic ${topic}`)
    if (found?.isInternal === true) throw new LogError('INVALID_TOPIC_EXCEPTION', `Clients may not write to ${topic}`)
    if (records === null || records.length === 0) throw new LogError('INVALID_RECORD', 'A Produce request must contain a record batch')
    checkTransaction(services, records, topic, index)
    const { baseOffset } = await log.appendBatch(records, 'client')
    return {
      index,
      errorCode: ERROR_CODES.NONE,
      baseOffset,
      logAppendTimeMs: log.config.appendTime ? services.clock() : -1,
      logStartOffset: log.logStartOffset,
      errorMessage: null
    }
  } catch (error) {
    return { index, errorCode: codeOf(error, services.warn), ...FAILED, errorMessage: messageOf(error) }
  }
}

/** A transactional batch belongs to a transaction that knows of the partition, or nothing would end it. */
function checkTransaction (services: Services, records: Buffer, topic: string, index: number): void {
  if (records.length < 61 || records[16] !== 2) return
  const attributes = records.readInt16BE(21)
  if ((attributes & 16) === 0) return
  const { producerId, producerEpoch } = new BatchView(records)
  const fault = services.transactions.produceFault(producerId, producerEpoch, topic, index)
  if (fault !== undefined) throw new LogError(fault, `Producer ${producerId} has no open transaction with ${topic}-${index} in it`)
}
