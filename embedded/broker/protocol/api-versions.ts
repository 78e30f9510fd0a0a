// ApiVersions (18): which APIs in which versions (KIP-35, KIP-511).
import { api } from './api.js'
import { array, between, int16, int32, int64, since, string, struct, tagged } from './schema.js'

const feature = struct({ name: string, minVersion: int16, maxVersion: int16 })
const finalizedFeature = struct({ name: string, maxVersionLevel: int16, minVersionLevel: int16 })

export const apiVersions = api(18, 'ApiVersions', [0, 4], 3,
  struct({
    clientSoftwareName: since(3, string, ''),
    clientSoftwareVersion: since(3, string, '')
  }),
  struct({
    errorCode: int16,
    apiKeys: array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 })),
    throttleTimeMs: between(1, Infinity, int32, 0),
    supportedFeatures: tagged(0, 3, array(feature), []),
    finalizedFeaturesEpoch: tagged(1, 3, int64, -1),
    finalizedFeatures: tagged(2, 3, array(finalizedFeature), [])
  }))
