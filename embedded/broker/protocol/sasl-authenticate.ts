// SaslAuthenticate (36, KIP-152).
import { api } from './api.js'
import { bytes, int16, int64, nullableString, since, struct } from './schema.js'

export const saslAuthenticate = api(36, 'SaslAuthenticate', [0, 2], 2,
  struct({ authBytes: bytes }),
  struct({ errorCode: int16, errorMessage: nullableString, authBytes: bytes, sessionLifetimeMs: since(1, int64, 0) }))
