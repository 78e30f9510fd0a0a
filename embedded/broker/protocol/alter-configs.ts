// AlterConfigs (33): replaces all that was set on a resource.
import { api } from './api.js'
import { array, boolean, int16, int32, int8, nullableString, string, struct } from './schema.js'

export const alterConfigs = api(33, 'AlterConfigs', [0, 2], 2,
  struct({
    resources: array(struct({ resourceType: int8, resourceName: string, configs: array(struct({ name: string, value: nullableString })) })),
    validateOnly: boolean
  }),
  struct({
    throttleTimeMs: int32,
    responses: array(struct({ errorCode: int16, errorMessage: nullableString, resourceType: int8, resourceName: string }))
  }))
