// SaslHandshake (17): version 0 is followed by bare SASL frames, version 1 by SaslAuthenticate.
import { api } from './api.js'
import { array, int16, string, struct } from './schema.js'

export const saslHandshake = api(17, 'SaslHandshake', [0, 1], Infinity,
  struct({ mechanism: string }),
  struct({ errorCode: int16, mechanisms: array(string) }))
