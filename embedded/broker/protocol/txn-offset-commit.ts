// TxnOffsetCommit (28, KIP-98, KIP-447).
import { api } from './api.js'
import { array, int16, int32, int64, nullableString, since, string, struct } from './schema.js'

export const txnOffsetCommit = api(28, 'TxnOffsetCommit', [0, 4], 3,
  struct({
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: since(3, int32, -1),
    memberId: since(3, string, ''),
    groupInstanceId: since(3, nullableString, null),
    topics: array(struct({
      name: string,
      partitions: array(struct({
        partitionIndex: int32, committedOffset: int64, committedLeaderEpoch: since(2, int32, -1), committedMetadata: nullableString
      }))
    }))
  }),
  struct({
    throttleTimeMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, errorCode: int16 })) }))
  }))
