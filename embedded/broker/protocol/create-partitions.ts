// CreatePartitions (37, KIP-195).
import { api } from './api.js'
import { array, boolean, int16, int32, nullableArray, nullableString, string, struct } from './schema.js'

export const createPartitions = api(37, 'CreatePartitions', [0, 3], 2,
  struct({
    topics: array(struct({ name: string, count: int32, assignments: nullableArray(struct({ brokerIds: array(int32) })) })),
    timeoutMs: int32,
    validateOnly: boolean
  }),
  struct({
    throttleTimeMs: int32,
    results: array(struct({ name: string, errorCode: int16, errorMessage: nullableString }))
  }))
