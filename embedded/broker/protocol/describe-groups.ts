// DescribeGroups (15).
import { api } from './api.js'
import { array, boolean, bytes, int16, int32, NO_OPERATIONS, nullableString, since, string, struct } from './schema.js'

export const describeGroups = api(15, 'DescribeGroups', [0, 5], 5,
  struct({ groups: array(string), includeAuthorizedOperations: since(3, boolean, false) }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    groups: array(struct({
      errorCode: int16,
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array(struct({
        memberId: string,
        groupInstanceId: since(4, nullableString, null),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes
      })),
      authorizedOperations: since(3, int32, NO_OPERATIONS)
    }))
  }))
