// DescribeCluster (60, KIP-700).
import { api } from './api.js'
import { array, boolean, int16, int32, int8, NO_OPERATIONS, nullableString, since, string, struct } from './schema.js'

export const describeCluster = api(60, 'DescribeCluster', [0, 1], 0,
  struct({ includeClusterAuthorizedOperations: boolean, endpointType: since(1, int8, 1) }),
  struct({
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullableString,
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: int32,
    brokers: array(struct({ brokerId: int32, host: string, port: int32, rack: nullableString })),
    clusterAuthorizedOperations: since(0, int32, NO_OPERATIONS)
  }))
