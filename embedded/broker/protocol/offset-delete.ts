// OffsetDelete (47, KIP-496).
import { api } from './api.js'
import { array, int16, int32, string, struct } from './schema.js'

export const offsetDelete = api(47, 'OffsetDelete', [0, 0], Infinity,
  struct({ groupId: string, topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32 })) })) }),
  struct({
    errorCode: int16,
    throttleTimeMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, errorCode: int16 })) }))
  }))
