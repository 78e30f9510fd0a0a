// OffsetCommit (8).
import { api } from './api.js'
import { array, between, int16, int32, int64, nullableString, since, string, struct } from './schema.js'

export const offsetCommit = api(8, 'OffsetCommit', [2, 9], 8,
  struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(7, nullableString, null),
    retentionTimeMs: between(2, 4, int64, -1),
    topics: array(struct({
      name: string,
      partitions: array(struct({
        partitionIndex: int32, committedOffset: int64, committedLeaderEpoch: since(6, int32, -1), committedMetadata: nullableString
      }))
    }))
  }),
  struct({
    throttleTimeMs: since(3, int32, 0),
    topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, errorCode: int16 })) }))
  }))
