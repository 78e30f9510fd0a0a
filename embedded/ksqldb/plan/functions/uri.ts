// Reads a URI by the grammar of RFC 2396 as java.net.URI does, which also takes characters beyond ASCII as they stand.

/** Parts are unescaped; null where the URI lacks them, or where it is opaque as in mailto:a@b. */
export interface Uri {
  readonly scheme: string | null
  /** Null also where the authority is not of the form user@host:port. */
  readonly host: string | null
  readonly port: number | null
  readonly path: string | null
  readonly query: string | null
  readonly fragment: string | null
}

const ESCAPE = '%[0-9a-fA-F]{2}'
/** Any character beyond ASCII that is neither control nor space. */
const OTHER = '[^\\x00-\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const PATH_CHARACTER = `(?:[A-Za-z0-9_.!~*'()\\-:@&=+$,;/]|${ESCAPE}|${OTHER})`
const URI_CHARACTER = `(?:[A-Za-z0-9_.!~*'()\\-:@&=+$,;/?\\[\\]]|${ESCAPE}|${OTHER})`
const path = new RegExp(`^${PATH_CHARACTER}*$`)
const anyUri = new RegExp(`^${URI_CHARACTER}*$`)
const registry = new RegExp(`^(?:[A-Za-z0-9_.!~*'()\\-:@&=+$,;]|${ESCAPE}|${OTHER})+$`)
const server = new RegExp(`^(?:(?:[A-Za-z0-9_.!~*'()\\-;:&=+$,]|${ESCAPE}|${OTHER})*@)?(\\[[0-9A-Fa-f:.]+(?:%[\\w.-]+)?\\]|[A-Za-z0-9.\\-]+)(?::(\\d*))?$`)

class UriError extends Error {}

/** A dotted address, or labels of letters, digits and inner hyphens, of which the last of several begins with a letter. */
function isHost (host: string): boolean {
  if (host.startsWith('[')) return true
  if (/^(\d{1,3})(\.\d{1,3}){3}$/.test(host)) return host.split('.').every(part => Number(part) <= 255)
  const labels = host.replace(/\.$/, '').split('.')
  const last = labels.at(-1) ?? ''
  return labels.every(label => /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(label)) && (labels.length === 1 || /^[A-Za-z]/.test(last))
}

/** Undoes escapes as UTF-8; what is no UTF-8 becomes the replacement character. */
function unescapePart (part: string): string {
  return part.replace(/(?:%[0-9a-fA-F]{2})+/g, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
}

const optionalPart = (part: string | undefined): string | null => part === undefined ? null : unescapePart(part)

function readAuthority (authority: string): { host: string | null, port: number | null } {
  const match = server.exec(authority)
  const host = match?.[1]
  if (host !== undefined && isHost(host)) return { host, port: match?.[2] === undefined || match[2] === '' ? null : Number(match[2]) }
  if (!registry.test(authority)) throw new UriError('Illegal character in authority')
  return { host: null, port: null }
}

/** Throws an Error where the text is no URI. */
export function parseUri (text: string): Uri {
  const split = /^(?:([^:/?#]*):)?([^#]*)(?:#([\s\S]*))?$/.exec(text)
  const [, scheme, specific = '', fragment] = split ?? []
  if (split === null || (scheme !== undefined && !/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme))) throw new UriError('Illegal scheme')
  if (fragment !== undefined && !anyUri.test(fragment)) throw new UriError('Illegal character in fragment')
  if (scheme !== undefined && !specific.startsWith('/')) {
    if (specific === '' || !anyUri.test(specific)) throw new UriError('Illegal character in opaque part, or none')
    return { scheme, host: null, port: null, path: null, query: null, fragment: optionalPart(fragment) }
  }
  const [, authority, pathPart = '', query] = /^(?:\/\/([^/?]*))?([^?]*)(?:\?([\s\S]*))?$/.exec(specific) ?? []
  if (!path.test(pathPart)) throw new UriError('Illegal character in path')
  if (query !== undefined && !anyUri.test(query)) throw new UriError('Illegal character in query')
  if (authority === '' && pathPart === '') throw new UriError('Expected authority')
  const { host, port } = authority === undefined || authority === '' ? { host: null, port: null } : readAuthority(authority)
  return { scheme: scheme ?? null, host, port, path: unescapePart(pathPart), query: optionalPart(query), fragment: optionalPart(fragment) }
}
