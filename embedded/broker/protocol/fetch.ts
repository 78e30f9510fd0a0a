// Fetch (1). Versions below 4 would ask for the old message formats. From 13 on topics go by id (KIP-516).
import { api } from './api.js'
import {
  array, between, int16, int32, int64, int8, nullableArray, nullableString, records, since, string, struct, tagged, uuid, ZERO_UUID
} from './schema.js'

const replicaState = struct({ replicaId: int32, replicaEpoch: int64 })
const NO_REPLICA = { replicaId: -1, replicaEpoch: -1 }

export const fetch = api(1, 'Fetch', [4, 16], 12,
  struct({
    clusterId: tagged(0, 12, nullableString, null),
    replicaId: between(0, 14, int32, -1),
    replicaState: tagged(1, 15, replicaState, NO_REPLICA),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolationLevel: int8,
    sessionId: since(7, int32, 0),
    sessionEpoch: since(7, int32, -1),
    topics: array(struct({
      topic: between(0, 12, string, ''),
      topicId: since(13, uuid, ZERO_UUID),
      partitions: array(struct({
        partition: int32,
        currentLeaderEpoch: since(9, int32, -1),
        fetchOffset: int64,
        lastFetchedEpoch: since(12, int32, -1),
        logStartOffset: since(5, int64, -1),
        partitionMaxBytes: int32
      }))
    })),
    forgottenTopics: since(7, array(struct({
      topic: between(7, 12, string, ''), topicId: since(13, uuid, ZERO_UUID), partitions: array(int32)
    })), []),
    rackId: since(11, string, '')
  }),
  struct({
    throttleTimeMs: int32,
    errorCode: since(7, int16, 0),
    sessionId: since(7, int32, 0),
    topics: array(struct({
      topic: between(0, 12, string, ''),
      topicId: since(13, uuid, ZERO_UUID),
      partitions: array(struct({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64,
        logStartOffset: since(5, int64, -1),
        abortedTransactions: nullableArray(struct({ producerId: int64, firstOffset: int64 })),
        preferredReadReplica: since(11, int32, -1),
        records
      }))
    }))
  }))
