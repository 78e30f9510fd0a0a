// InitProducerId (22, KIP-98, KIP-360).
import { api } from './api.js'
import { int16, int32, int64, nullableString, since, struct } from './schema.js'

export const initProducerId = api(22, 'InitProducerId', [0, 5], 2,
  struct({
    transactionalId: nullableString,
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1)
  }),
  struct({ throttleTimeMs: int32, errorCode: int16, producerId: int64, producerEpoch: int16 }))
