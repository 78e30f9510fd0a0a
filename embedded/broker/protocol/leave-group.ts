// LeaveGroup (13): several members at once from version 3 on (KIP-345).
import { api } from './api.js'
import { array, between, int16, int32, nullableString, since, string, struct } from './schema.js'

export const leaveGroup = api(13, 'LeaveGroup', [0, 5], 4,
  struct({
    groupId: string,
    memberId: between(0, 2, string, ''),
    members: since(3, array(struct({
      memberId: string, groupInstanceId: nullableString, reason: since(5, nullableString, null)
    })), [])
  }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    members: since(3, array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 })), [])
  }))
