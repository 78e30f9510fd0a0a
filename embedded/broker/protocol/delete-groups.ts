// DeleteGroups (42, KIP-229).
import { api } from './api.js'
import { array, int16, int32, string, struct } from './schema.js'

export const deleteGroups = api(42, 'DeleteGroups', [0, 2], 2,
  struct({ groupsNames: array(string) }),
  struct({ throttleTimeMs: int32, results: array(struct({ groupId: string, errorCode: int16 })) }))
