// DescribeConfigs (32, KIP-133, KIP-226, KIP-569).
import { api } from './api.js'
import { array, between, boolean, int16, int32, int8, nullableArray, nullableString, since, string, struct } from './schema.js'

export const describeConfigs = api(32, 'DescribeConfigs', [0, 4], 4,
  struct({
    resources: array(struct({ resourceType: int8, resourceName: string, configurationKeys: nullableArray(string) })),
    includeSynonyms: since(1, boolean, false),
    includeDocumentation: since(3, boolean, false)
  }),
  struct({
    throttleTimeMs: int32,
    results: array(struct({
      errorCode: int16,
      errorMessage: nullableString,
      resourceType: int8,
      resourceName: string,
      configs: array(struct({
        name: string,
        value: nullableString,
        readOnly: boolean,
        isDefault: between(0, 0, boolean, false),
        configSource: since(1, int8, -1),
        isSensitive: boolean,
        synonyms: since(1, array(struct({ name: string, value: nullableString, source: int8 })), []),
        configType: since(3, int8, 0),
        documentation: since(3, nullableString, null)
      }))
    }))
  }))
