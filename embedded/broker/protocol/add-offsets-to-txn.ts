// AddOffsetsToTxn (25).
import { api } from './api.js'
import { int16, int32, int64, string, struct } from './schema.js'

export const addOffsetsToTxn = api(25, 'AddOffsetsToTxn', [0, 4], 3,
  struct({ transactionalId: string, producerId: int64, producerEpoch: int16, groupId: string }),
  struct({ throttleTimeMs: int32, errorCode: int16 }))
