// Whether the service may be reached by others than this machine, and the start that is refused where it may and no key guards it.
import { isIP } from 'node:net'

/** Thrown where the start must stop; the message says what to do. */
export class Unguarded extends Error {
  readonly code = 'LINKLOG_UNGUARDED'
}

/** Whether a host to listen on is reached from this machine alone. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === 'localhost' || bare === '::1' || bare === '0:0:0:0:0:0:0:1' || /^::ffff:127\./.test(bare)
}

export interface Exposure {
  readonly host: string
  /** Where others reach it, when that is not the host: a container's published port. */
  readonly publishedHost: string | undefined
  readonly allowAnonymous: boolean
}

/** @throws Unguarded where whoever is on the network could use the API without a key. */
export const checkExposure = ({ host, publishedHost, allowAnonymous }: Exposure, keysExist: boolean): void => {
  if (keysExist || allowAnonymous || isLoopback(publishedHost ?? host)) return
  throw new Unguarded(`it would listen on ${host} without any API key. Make one first: linklog keys create --name admin --scopes admin ` +
    '(with the embedded stack, while the service runs with HOST=127.0.0.1), or set ALLOW_ANONYMOUS=true to let everybody in.')
}
