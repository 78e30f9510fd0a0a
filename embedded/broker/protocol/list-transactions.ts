// ListTransactions (66, KIP-664): version 1 adds the filter by duration (KIP-994).
import { api } from './api.js'
import { array, int16, int32, int64, since, string, struct } from './schema.js'

export const listTransactions = api(66, 'ListTransactions', [0, 1], 0,
  struct({ stateFilters: array(string), producerIdFilters: array(int64), durationFilter: since(1, int64, -1) }),
  struct({
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array(struct({ transactionalId: string, producerId: int64, transactionState: string }))
  }))
