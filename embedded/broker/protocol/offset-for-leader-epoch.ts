// OffsetForLeaderEpoch (23): where an epoch ended (KIP-101, KIP-320).
import { api } from './api.js'
import { array, int16, int32, int64, since, string, struct } from './schema.js'

export const offsetForLeaderEpoch = api(23, 'OffsetForLeaderEpoch', [2, 4], 4,
  struct({
    replicaId: since(3, int32, -2),
    topics: array(struct({ topic: string, partitions: array(struct({ partition: int32, currentLeaderEpoch: int32, leaderEpoch: int32 })) }))
  }),
  struct({
    throttleTimeMs: int32,
    topics: array(struct({
      topic: string, partitions: array(struct({ errorCode: int16, partition: int32, leaderEpoch: int32, endOffset: int64 }))
    }))
  }))
