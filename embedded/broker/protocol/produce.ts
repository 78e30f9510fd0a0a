// Produce (0). Versions below 3 carry the message formats of before 2017, which no client of today writes.
import { api } from './api.js'
import { array, int16, int32, int64, nullableString, records, since, string, struct } from './schema.js'

export const produce = api(0, 'Produce', [3, 11], 9,
  struct({
    transactionalId: nullableString,
    acks: int16,
    timeoutMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ index: int32, records })) }))
  }),
  struct({
    topics: array(struct({
      name: string,
      partitions: array(struct({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: int64,
        logStartOffset: since(5, int64, -1),
        recordErrors: since(8, array(struct({ batchIndex: int32, batchIndexErrorMessage: nullableString })), []),
        errorMessage: since(8, nullableString, null)
      }))
    })),
    throttleTimeMs: int32
  }))
