// IncrementalAlterConfigs (44, KIP-339): operations 0 set, 1 delete, 2 append, 3 subtract.
import { api } from './api.js'
import { array, boolean, int16, int32, int8, nullableString, string, struct } from './schema.js'

export const incrementalAlterConfigs = api(44, 'IncrementalAlterConfigs', [0, 1], 1,
  struct({
    resources: array(struct({
      resourceType: int8, resourceName: string, configs: array(struct({ name: string, configOperation: int8, value: nullableString }))
    })),
    validateOnly: boolean
  }),
  struct({
    throttleTimeMs: int32,
    responses: array(struct({ errorCode: int16, errorMessage: nullableString, resourceType: int8, resourceName: string }))
  }))
