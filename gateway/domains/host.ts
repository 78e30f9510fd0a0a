// How a host is written: in lower case, IDN as punycode, without the port of http, as a link's key has it.
import { LinklogError } from '../errors.js'

const hostPattern = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?$/
export const hostCharsMax = 255

/** The host in its one spelling, or undefined for what is no host name (an IPv6 address is none, either). */
export const canonicalHost = (text: string): string | undefined => {
  const asked = text.trim()
  if (asked.length > hostCharsMax || /[/?#@\\\s[\]]/.test(asked) || !URL.canParse(`http://${asked}/`)) return undefined
  const host = new URL(`http://${asked}/`).host.replace(/\.(?=:\d+$|$)/, '')
  return host.length <= hostCharsMax && hostPattern.test(host) ? host : undefined
}

/** @throws LinklogError invalid_host. */
export const hostOfPath = (text: string): string => {
  const host = canonicalHost(text)
  if (host === undefined) throw new LinklogError('invalid_host', `"${text.slice(0, 100)}" is no host name`)
  return host
}
