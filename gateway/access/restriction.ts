// Keys that reach only some links: those on certain hosts, and those with certain tags.
import { LinklogError } from '../errors.js'
import type { ApiKey } from '../queries/api-keys.js'

export type Restriction = Pick<ApiKey, 'domains' | 'tags'>

export const isRestricted = ({ domains, tags }: Restriction): boolean => domains.length > 0 || tags.length > 0

/** The host that a link is on: a bare slug is on the default domain. */
export const hostOf = (link: string, defaultHost: string): string => link.includes('/') ? link.slice(0, link.indexOf('/')) : defaultHost

/** @throws LinklogError outside_restriction where the key does not reach this host. */
export const checkHost = ({ domains }: Restriction, host: string): void => {
  if (domains.length > 0 && !domains.includes(host.toLowerCase())) {
    throw new LinklogError('outside_restriction', `This key reaches links on ${domains.join(', ')} alone`)
  }
}

/** @throws LinklogError outside_restriction where a link with these tags is none of the key's. */
export const checkTags = ({ tags }: Restriction, of: readonly string[]): void => {
  if (tags.length > 0 && !of.some(tag => tags.includes(tag))) {
    throw new LinklogError('outside_restriction', `This key reaches only links that have one of the tags ${tags.join(', ')}`)
  }
}
