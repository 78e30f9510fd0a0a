// CreateTopics (19).
import { api } from './api.js'
import { array, boolean, int16, int32, int8, nullableArray, nullableString, since, string, struct, tagged, uuid, ZERO_UUID } from './schema.js'

export const createTopics = api(19, 'CreateTopics', [0, 7], 5,
  struct({
    topics: array(struct({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array(struct({ partitionIndex: int32, brokerIds: array(int32) })),
      configs: array(struct({ name: string, value: nullableString }))
    })),
    timeoutMs: int32,
    validateOnly: since(1, boolean, false)
  }),
  struct({
    throttleTimeMs: since(2, int32, 0),
    topics: array(struct({
      name: string,
      topicId: since(7, uuid, ZERO_UUID),
      errorCode: int16,
      errorMessage: since(1, nullableString, null),
      topicConfigErrorCode: tagged(0, 5, int16, 0),
      numPartitions: since(5, int32, -1),
      replicationFactor: since(5, int16, -1),
      configs: since(5, nullableArray(struct({
        name: string, value: nullableString, readOnly: boolean, configSource: int8, isSensitive: boolean
      })), [])
    }))
  }))
