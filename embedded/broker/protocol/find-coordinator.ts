// FindCoordinator (10): key types 0 group, 1 transaction. Many keys at once from version 4 on (KIP-699).
import { api } from './api.js'
import { array, between, int16, int32, int8, nullableString, since, string, struct } from './schema.js'

export const findCoordinator = api(10, 'FindCoordinator', [0, 5], 3,
  struct({
    key: between(0, 3, string, ''),
    keyType: since(1, int8, 0),
    coordinatorKeys: since(4, array(string), [])
  }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: between(0, 3, int16, 0),
    errorMessage: between(1, 3, nullableString, null),
    nodeId: between(0, 3, int32, -1),
    host: between(0, 3, string, ''),
    port: between(0, 3, int32, -1),
    coordinators: since(4, array(struct({
      key: string, nodeId: int32, host: string, port: int32, errorCode: int16, errorMessage: nullableString
    })), [])
  }))
