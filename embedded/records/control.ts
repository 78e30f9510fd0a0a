// Control records: the markers that end a transaction in a partition (KIP-98, org.apache.kafka.common.record.EndTransactionMarker).
import { encodeBatch, type BatchView } from './batch.js'

export type MarkerType = 'abort' | 'commit'

export interface Marker {
  readonly type: MarkerType
  readonly coordinatorEpoch: number
}

export interface NewMarker extends Marker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timestamp: number
}

// key: version int16 · type int16 (0 abort, 1 commit) · value: version int16 · coordinatorEpoch int32
export function encodeMarker (marker: NewMarker): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.type === 'commit' ? 1 : 0, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  return encodeBatch([{ timestamp: marker.timestamp, key, value }], {
    producerId: marker.producerId, producerEpoch: marker.producerEpoch, isTransactional: true, isControl: true
  })
}

/** The marker that a control batch holds, or undefined for any other kind of batch or control record. */
export function readMarker (batch: BatchView): Marker | undefined {
  if (!batch.isControl) return undefined
  const record = batch.records()[0]
  if (record?.key == null || record.key.length < 4) return undefined
  const type = record.key.readInt16BE(2)
  if (type !== 0 && type !== 1) return undefined
  const coordinatorEpoch = record.value !== null && record.value.length >= 6 ? record.value.readInt32BE(2) : 0
  return { type: type === 1 ? 'commit' : 'abort', coordinatorEpoch }
}
