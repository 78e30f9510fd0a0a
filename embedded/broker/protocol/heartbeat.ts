// Heartbeat (12).
import { api } from './api.js'
import { int16, int32, nullableString, since, string, struct } from './schema.js'

export const heartbeat = api(12, 'Heartbeat', [0, 4], 4,
  struct({ groupId: string, generationId: int32, memberId: string, groupInstanceId: since(3, nullableString, null) }),
  struct({ throttleTimeMs: since(1, int32, 0), errorCode: int16 }))
