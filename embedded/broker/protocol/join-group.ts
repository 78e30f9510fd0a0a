// JoinGroup (11).
import { api } from './api.js'
import { array, boolean, bytes, int16, int32, nullableString, since, string, struct, type Type } from './schema.js'

const protocolName: Type<string | null> = {
  read: (reader, version) => version >= 7 ? reader.nullableString() : reader.string(),
  write: (writer, value, version) => writer.nullableString(version >= 7 ? value : value ?? '')
}

export const joinGroup = api(11, 'JoinGroup', [0, 9], 6,
  struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    groupInstanceId: since(5, nullableString, null),
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
    reason: since(8, nullableString, null)
  }),
  struct({
    throttleTimeMs: since(2, int32, 0),
    errorCode: int16,
    generationId: int32,
    protocolType: since(7, nullableString, null),
    protocolName,
    leader: string,
    skipAssignment: since(9, boolean, false),
    memberId: string,
    members: array(struct({ memberId: string, groupInstanceId: since(5, nullableString, null), metadata: bytes }))
  }))
