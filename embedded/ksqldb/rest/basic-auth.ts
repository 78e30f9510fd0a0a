// Basic authentication (RFC 7617), compared in the same time whatever was sent.
import { createHash, timingSafeEqual } from 'node:crypto'

/** User names to passwords. */
export type Credentials = ReadonlyMap<string, string>

/** True where no credentials are asked for, or the header has them. */
export function isAllowed (credentials: Credentials | undefined, header: string | undefined): boolean {
  if (credentials === undefined) return true
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  const given = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString()
  let allowed = false
  for (const [user, password] of credentials) {
    // Not short-circuited: all are compared.
    if (timingSafeEqual(digest(given), digest(`${user}:${password}`))) allowed = true
  }
  return allowed
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
