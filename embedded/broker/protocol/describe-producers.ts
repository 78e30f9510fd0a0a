// DescribeProducers (61, KIP-664).
import { api } from './api.js'
import { array, int16, int32, int64, nullableString, string, struct } from './schema.js'

export const describeProducers = api(61, 'DescribeProducers', [0, 0], 0,
  struct({ topics: array(struct({ name: string, partitionIndexes: array(int32) })) }),
  struct({
    throttleTimeMs: int32,
    topics: array(struct({
      name: string,
      partitions: array(struct({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullableString,
        activeProducers: array(struct({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: int32,
          lastTimestamp: int64,
          coordinatorEpoch: int32,
          currentTxnStartOffset: int64
        }))
      }))
    }))
  }))
