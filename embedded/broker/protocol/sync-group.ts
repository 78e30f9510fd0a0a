// SyncGroup (14).
import { api } from './api.js'
import { array, bytes, int16, int32, nullableString, since, string, struct } from './schema.js'

export const syncGroup = api(14, 'SyncGroup', [0, 5], 4,
  struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullableString, null),
    protocolType: since(5, nullableString, null),
    protocolName: since(5, nullableString, null),
    assignments: array(struct({ memberId: string, assignment: bytes }))
  }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    protocolType: since(5, nullableString, null),
    protocolName: since(5, nullableString, null),
    assignment: bytes
  }))
