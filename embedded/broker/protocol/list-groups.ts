// ListGroups (16): filters by state (KIP-518) and by type (KIP-848).
import { api } from './api.js'
import { array, int16, int32, since, string, struct } from './schema.js'

export const listGroups = api(16, 'ListGroups', [0, 5], 3,
  struct({ statesFilter: since(4, array(string), []), typesFilter: since(5, array(string), []) }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    groups: array(struct({
      groupId: string, protocolType: string, groupState: since(4, string, ''), groupType: since(5, string, '')
    }))
  }))
