// Metadata (3): brokers, topics and who leads their partitions.
import { api } from './api.js'
import {
  array, between, boolean, int16, int32, NO_OPERATIONS, nullableArray, nullableString, since, string, struct, uuid, ZERO_UUID,
  type Type
} from './schema.js'

/** Not nullable on the wire before version 10 (requests) or 12 (responses): there it must hold a string. */
const nameNullableSince = (version: number): Type<string | null> => ({
  read: (reader, at) => at >= version ? reader.nullableString() : reader.string(),
  write: (writer, value, at) => writer.nullableString(at >= version ? value : value ?? '')
})

const topics = nullableArray(struct({ topicId: since(10, uuid, ZERO_UUID), name: nameNullableSince(10) }))

export const metadata = api(3, 'Metadata', [0, 12], 9,
  struct({
    topics,
    allowAutoTopicCreation: since(4, boolean, true),
    includeClusterAuthorizedOperations: between(8, 10, boolean, false),
    includeTopicAuthorizedOperations: since(8, boolean, false)
  }),
  struct({
    throttleTimeMs: since(3, int32, 0),
    brokers: array(struct({ nodeId: int32, host: string, port: int32, rack: since(1, nullableString, null) })),
    clusterId: since(2, nullableString, null),
    controllerId: since(1, int32, -1),
    topics: array(struct({
      errorCode: int16,
      name: nameNullableSince(12),
      topicId: since(10, uuid, ZERO_UUID),
      isInternal: since(1, boolean, false),
      partitions: array(struct({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: since(7, int32, -1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: since(5, array(int32), [])
      })),
      topicAuthorizedOperations: since(8, int32, NO_OPERATIONS)
    })),
    clusterAuthorizedOperations: between(8, 10, int32, NO_OPERATIONS)
  }))
