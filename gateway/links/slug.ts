// What a slug may look like, which are kept for the service, and the code that is derived from a URL where none is asked for.
import bs58 from 'bs58'
import { createHash } from 'node:crypto'
import { invalidField } from '../errors.js'

/** Letters, digits, - and _; a letter or digit at both ends; 1 to 64 characters. Case counts. */
export const slugPattern = '^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$'
const slugExpression = new RegExp(slugPattern)
const hostSlugExpression = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?\/[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/

/** Words that are paths of the service, now or likely later, whatever their case. */
export const reservedSlugs: ReadonlySet<string> = new Set([
  'about', 'account', 'admin', 'api', 'app', 'assets', 'auth', 'dashboard', 'docs', 'favicon', 'health', 'healthz', 'help', 'login', 'logout', 'metrics',
  'openapi', 'privacy', 'public', 'readyz', 'robots', 'settings', 'signup', 'sitemap', 'static', 'status', 'terms', 'well-known'
])

export const isSlug = (text: string): boolean => slugExpression.test(text)
export const isReserved = (slug: string): boolean => reservedSlugs.has(slug.toLowerCase())

/** A link's key: a slug on the default domain, or host/slug on another. */
export const isLinkKey = (text: string): boolean => isSlug(text) || (text.length <= 320 && hostSlugExpression.test(text))

/** @throws LinklogError validation_failed at /slug. */
export const checkSlug = (slug: string): string => {
  if (!isSlug(slug)) throw invalidField('/slug', 'must be 1 to 64 letters, digits, - or _, with a letter or digit at both ends')
  if (isReserved(slug)) throw invalidField('/slug', `"${slug}" is kept for the service itself`)
  return slug
}

export const codeCharsMin = 7
/** 16 characters of base58 are 93 bits: there is no second URL. */
export const codeCharsMax = 16

/** The code of a normalised URL: so many characters of the base58 (Bitcoin alphabet) of its SHA-256. */
export const codeFor = (url: string, chars = codeCharsMin): string =>
  bs58.encode(createHash('sha256').update(url, 'utf8').digest()).slice(0, chars)
