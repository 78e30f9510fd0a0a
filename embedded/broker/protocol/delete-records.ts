// DeleteRecords (21, KIP-107): everything before an offset.
import { api } from './api.js'
import { array, int16, int32, int64, string, struct } from './schema.js'

export const deleteRecords = api(21, 'DeleteRecords', [0, 2], 2,
  struct({
    topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, offset: int64 })) })),
    timeoutMs: int32
  }),
  struct({
    throttleTimeMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 })) }))
  }))
