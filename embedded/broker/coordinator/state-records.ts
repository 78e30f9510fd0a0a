// The records of __consumer_offsets and __transaction_state, in Kafka's own forms (coordinator's OffsetCommitKey/Value, TransactionLogKey/Value),
// so that a folder of data means the same to the real one.
import { Reader } from '../protocol/reader.js'
import { array, int16, int32, int64, int8, nullableArray, string, struct, type Type } from '../protocol/schema.js'
import { Writer } from '../protocol/writer.js'

const offsetKey = struct({ version: int16, group: string, topic: string, partition: int32 })
const offsetValue = struct({ version: int16, offset: int64, leaderEpoch: int32, metadata: string, commitTimestamp: int64 })
const txnKey = struct({ version: int16, transactionalId: string })
const txnValue = struct({
  version: int16,
  producerId: int64,
  producerEpoch: int16,
  timeoutMs: int32,
  status: int8,
  partitions: nullableArray(struct({ topic: string, partitionIds: array(int32) })),
  lastUpdateTimestamp: int64,
  startTimestamp: int64
})

export interface OffsetKey { readonly group: string, readonly topic: string, readonly partition: number }
export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** When it was committed, ms. */
  readonly commitTimestamp: number
}

function encode<T, I> (type: Type<T, I>, value: I): Buffer {
  const writer = new Writer(false, 128)
  type.write(writer, value, 0)
  return writer.toBuffer()
}

const OFFSET_KEY_VERSION = 1
const OFFSET_VALUE_VERSION = 3

export function encodeOffsetKey (key: OffsetKey): Buffer {
  return encode(offsetKey, { version: OFFSET_KEY_VERSION, ...key })
}

export function encodeOffsetValue (value: CommittedOffset): Buffer {
  return encode(offsetValue, { version: OFFSET_VALUE_VERSION, ...value })
}

/** Undefined for the other kinds of record in that topic: group metadata. */
export function decodeOffsetKey (key: Buffer): OffsetKey | undefined {
  if (key.length < 2 || key.readInt16BE(0) > OFFSET_KEY_VERSION) return undefined
  return offsetKey.read(new Reader(key), 0)
}

/** Versions 0 to 3 differ in what stands between offset and metadata, and behind them. */
export function decodeOffsetValue (value: Buffer): CommittedOffset {
  const reader = new Reader(value)
  const version = reader.int16()
  const offset = reader.int64()
  const leaderEpoch = version >= 3 ? reader.int32() : -1
  return { offset, leaderEpoch, metadata: reader.string(), commitTimestamp: reader.int64() }
}

/** Status ids of org.apache.kafka.coordinator.transaction.TransactionState, in order. */
export const TXN_STATES = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence'] as const
export type TxnState = typeof TXN_STATES[number]

export interface TxnRecord {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly state: TxnState
  readonly partitions: readonly { readonly topic: string, readonly partitionIds: readonly number[] }[]
  readonly lastUpdateTimestamp: number
  readonly startTimestamp: number
}

export function encodeTxnKey (transactionalId: string): Buffer {
  return encode(txnKey, { version: 0, transactionalId })
}

export function encodeTxnValue (record: TxnRecord): Buffer {
  return encode(txnValue, {
    version: 0, ...record, status: TXN_STATES.indexOf(record.state), partitions: record.state === 'Empty' ? null : record.partitions
  })
}

export function decodeTxnKey (key: Buffer): string {
  return txnKey.read(new Reader(key), 0).transactionalId
}

export function decodeTxnValue (value: Buffer): TxnRecord {
  const { status, partitions, version, ...rest } = txnValue.read(new Reader(value), 0)
  return { ...rest, state: TXN_STATES[status] ?? 'Dead', partitions: partitions ?? [] }
}
