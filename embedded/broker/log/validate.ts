// What a batch must satisfy before it is let into a log (org.apache.kafka.storage.internals.log.LogValidator and UnifiedLog.analyzeAndValidateRecords).
import { BatchView, CorruptBatchError } from '../../records/batch.js'
import { LogError } from '../../log.js'
import type { LogConfig } from './log-config.js'

/** Gives the batch's view. Throws LogError CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP, UNSUPPORTED_FOR_MESSAGE_FORMAT. */
export function validateBatch (buffer: Buffer, config: LogConfig, now: number, origin: 'client' | 'coordinator'): BatchView {
  const view = viewOf(buffer)
  if (view.size !== buffer.length) {
    throw new LogError('INVALID_RECORD', 'Produce requests are only allowed to contain exactly one record batch per partition')
  }
  if (view.size > config.maxMessageBytes) {
    throw new LogError('MESSAGE_TOO_LARGE',
      `The record batch size is ${view.size} bytes which exceeds the maximum configured value of ${config.maxMessageBytes}.`)
  }
  if (!view.crcIsValid()) throw new LogError('CORRUPT_MESSAGE', 'Record is corrupt (the CRC of the batch does not match its content)')
  if (view.recordCount <= 0 || view.recordCount !== view.lastOffsetDelta + 1) {
    throw new LogError('INVALID_RECORD', `A batch of ${view.recordCount} records cannot have the last offset delta ${view.lastOffsetDelta}`)
  }
  if ((view.attributes & 7) > 4) throw new LogError('CORRUPT_MESSAGE', 'Unknown compression type id')
  if (origin === 'coordinator') return view
  validateFromClient(view, config, now)
  return view
}

function viewOf (buffer: Buffer): BatchView {
  try {
    return new BatchView(buffer)
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error
    if (buffer.length > 16 && buffer[16]! < 2) throw new LogError('UNSUPPORTED_FOR_MESSAGE_FORMAT', error.message)
    throw new LogError('CORRUPT_MESSAGE', error.message)
  }
}

function validateFromClient (view: BatchView, config: LogConfig, now: number): void {
  if (view.isControl) throw new LogError('INVALID_RECORD', 'Clients are not allowed to write control records')
  if (view.isTransactional && view.producerId < 0) throw new LogError('INVALID_RECORD', 'A transactional batch needs a producer id')
  if (view.producerId >= 0 && (view.baseSequence < 0 || view.producerEpoch < 0)) {
    throw new LogError('INVALID_RECORD', `Invalid sequence number ${view.baseSequence} in record batch with producerId ${view.producerId}`)
  }
  if (config.appendTime) view.assignAppendTime(now)
  else if (view.maxTimestamp - now > config.timestampAfterMaxMs || now - view.maxTimestamp > config.timestampBeforeMaxMs) {
    throw new LogError('INVALID_TIMESTAMP', `Timestamp ${view.maxTimestamp} of message is out of range. The server time is ${now}`)
  }
  if (!config.compacts) return
  if (recordsOf(view).some(record => record.keyStart < 0)) {
    throw new LogError('INVALID_RECORD', 'Compacted topic cannot accept message without key')
  }
}

function recordsOf (view: BatchView) {
  try {
    return view.places()
  } catch (error) {
    throw new LogError('CORRUPT_MESSAGE', error instanceof Error ? error.message : String(error))
  }
}
