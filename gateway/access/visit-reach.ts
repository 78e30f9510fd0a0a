// What a key that is restricted to domains or tags may ask of the visits of many links.
import { LinklogError } from '../errors.js'
import { checkHost, hostOf, isRestricted, type Restriction } from './restriction.js'

export interface VisitsAsked { readonly links?: readonly string[], readonly tag?: string, readonly domain?: string }

/**
 * A key with tags asks by one of them; one with domains for one of these, or for links that are all on them.
 * @throws LinklogError outside_restriction.
 */
export const checkVisitReach = (key: Restriction | null, { links, tag, domain }: VisitsAsked, defaultHost: string): void => {
  if (key === null || !isRestricted(key)) return
  if (key.tags.length > 0 && (tag === undefined || !key.tags.includes(tag))) {
    throw new LinklogError('outside_restriction', `This key asks by a tag alone: ${key.tags.join(', ')}`)
  }
  if (key.domains.length === 0) return
  if (links !== undefined) for (const link of links) checkHost(key, hostOf(link, defaultHost))
  else if (domain !== undefined) checkHost(key, domain === 'default' ? defaultHost : domain)
  else throw new LinklogError('outside_restriction', `This key reaches links on ${key.domains.join(', ')} alone: ask with domain`)
}
