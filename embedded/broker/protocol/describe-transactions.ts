// DescribeTransactions (65, KIP-664).
import { api } from './api.js'
import { array, int16, int32, int64, string, struct } from './schema.js'

export const describeTransactions = api(65, 'DescribeTransactions', [0, 0], 0,
  struct({ transactionalIds: array(string) }),
  struct({
    throttleTimeMs: int32,
    transactionStates: array(struct({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      topics: array(struct({ topic: string, partitions: array(int32) }))
    }))
  }))
