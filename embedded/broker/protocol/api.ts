// What one API of the protocol is: its key, the versions that are answered, and the grammar of request and response.
import type { Type } from './schema.js'

export interface Api<Q = unknown, QI = unknown, R = unknown, RI = unknown> {
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** First version with compact types and tagged fields; Infinity where there is none. */
  readonly flexibleFrom: number
  readonly request: Type<Q, QI>
  readonly response: Type<R, RI>
}

/** `versions` are the first and the last version answered. */
export function api<Q, QI, R, RI> (
  key: number, name: string, versions: readonly [number, number], flexibleFrom: number, request: Type<Q, QI>, response: Type<R, RI>
): Api<Q, QI, R, RI> {
  return { key, name, minVersion: versions[0], maxVersion: versions[1], flexibleFrom, request, response }
}
