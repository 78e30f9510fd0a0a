// Which URLs a link may lead to, and the one spelling under which each is kept. The rules are docs/api.md's.
import { invalidField } from '../errors.js'

export const urlCharsMax = 2_048

const hasControlOrSpace = (text: string): boolean => {
  for (const char of text) {
    const code = char.codePointAt(0) as number
    if (code <= 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  }
  return false
}

const bare = (host: string): string => host.toLowerCase().replace(/\.(?=:\d+$|$)/, '')

/**
 * The normalised form (WHATWG URL: lower-case scheme and host, IDN as punycode, no default port, dot segments resolved).
 * @param ownHosts hosts (with a port where it is not the scheme's own) that this service answers on: a link to them would be a loop.
 * @throws LinklogError validation_failed at the pointer.
 */
export const normaliseUrl = (input: string, ownHosts: ReadonlySet<string>, pointer = '/url'): string => {
  const text = input.trim()
  if (text === '') throw invalidField(pointer, 'must not be empty')
  if (text.length > urlCharsMax) throw invalidField(pointer, `must not be longer than ${urlCharsMax} characters`)
  if (hasControlOrSpace(text)) throw invalidField(pointer, 'must not contain spaces or control characters')
  if (!/^https?:\/\//i.test(text)) throw invalidField(pointer, 'must begin with http:// or https://')
  const [authority = ''] = text.slice(text.indexOf('//') + 2).split(/[/?#\\]/, 1)
  if (authority === '') throw invalidField(pointer, 'must have a host')
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalidField(pointer, 'is not a URL')
  }
  if (url.username !== '' || url.password !== '') throw invalidField(pointer, 'must not contain credentials')
  if (authority.includes('@')) throw invalidField(pointer, 'must not contain credentials')
  if (url.hostname === '' || url.hostname === '.') throw invalidField(pointer, 'must have a host')
  if (ownHosts.has(bare(url.host))) throw invalidField(pointer, 'must not lead to this service: the redirect would go round in circles')
  if (url.href.length > urlCharsMax) throw invalidField(pointer, `must not be longer than ${urlCharsMax} characters once it is encoded`)
  return url.href
}

/** The host names under which the service itself can be reached, as ownHosts for normaliseUrl. */
export const ownHostsOf = (publicUrl: string, listening: { readonly host: string, readonly port: number }): ReadonlySet<string> => {
  const hosts = new Set([bare(new URL(publicUrl).host)])
  const names = ['localhost', '127.0.0.1', '[::1]']
  if (!['0.0.0.0', '::'].includes(listening.host)) names.push(listening.host.includes(':') ? `[${listening.host}]` : listening.host)
  for (const name of names) {
    hosts.add(`${name}:${listening.port}`.toLowerCase())
    if (listening.port === 80 || listening.port === 443) hosts.add(name.toLowerCase())
  }
  return hosts
}
