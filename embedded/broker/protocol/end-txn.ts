// EndTxn (26).
import { api } from './api.js'
import { boolean, int16, int32, int64, string, struct } from './schema.js'

export const endTxn = api(26, 'EndTxn', [0, 4], 3,
  struct({ transactionalId: string, producerId: int64, producerEpoch: int16, committed: boolean }),
  struct({ throttleTimeMs: int32, errorCode: int16 }))
