// AddPartitionsToTxn (24). Versions from 4 on are for brokers among themselves.
import { api } from './api.js'
import { array, int16, int32, int64, string, struct } from './schema.js'

export const addPartitionsToTxn = api(24, 'AddPartitionsToTxn', [0, 3], 3,
  struct({
    transactionalId: string, producerId: int64, producerEpoch: int16, topics: array(struct({ name: string, partitions: array(int32) }))
  }),
  struct({
    throttleTimeMs: int32,
    results: array(struct({ name: string, partitions: array(struct({ partitionIndex: int32, errorCode: int16 })) }))
  }))
