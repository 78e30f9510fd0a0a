// ListOffsets (2): the offset at a time; the times -1 latest, -2 earliest, -3 largest timestamp, -4 earliest on local disk, -5 latest tiered.
import { api } from './api.js'
import { array, int16, int32, int64, int8, since, string, struct } from './schema.js'

export const listOffsets = api(2, 'ListOffsets', [1, 9], 6,
  struct({
    replicaId: int32,
    isolationLevel: since(2, int8, 0),
    topics: array(struct({
      name: string,
      partitions: array(struct({ partitionIndex: int32, currentLeaderEpoch: since(4, int32, -1), timestamp: int64 }))
    }))
  }),
  struct({
    throttleTimeMs: since(2, int32, 0),
    topics: array(struct({
      name: string,
      partitions: array(struct({ partitionIndex: int32, errorCode: int16, timestamp: int64, offset: int64, leaderEpoch: since(4, int32, -1) }))
    }))
  }))
