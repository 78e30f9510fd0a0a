// Which links are meant by a feed or an export: those asked for, within those that the asker's key reaches.
import { hostOf, isRestricted, type Restriction } from '../access/restriction.js'

/** What is undefined or empty does not restrict. */
export interface LinkSelection {
  readonly links?: readonly string[] | undefined
  /** With one of these. */
  readonly tags?: readonly string[] | undefined
  readonly domains?: readonly string[] | undefined
  /** Of the key that asks. */
  readonly within?: Restriction | undefined
}

/** Whether it takes the tags of a link to tell. */
export const needsTags = ({ tags = [], within }: LinkSelection): boolean => tags.length > 0 || (within?.tags.length ?? 0) > 0

/** Whether a link with these tags is among those meant. */
export const selects = (selection: LinkSelection, link: string, tagsOfLink: readonly string[], defaultHost: string): boolean => {
  const { links = [], tags = [], domains = [], within } = selection
  if (links.length > 0 && !links.includes(link)) return false
  const host = hostOf(link, defaultHost)
  const has = (asked: readonly string[]) => asked.length === 0 || tagsOfLink.some(tag => asked.includes(tag))
  if (!has(tags) || (domains.length > 0 && !domains.includes(host))) return false
  if (within === undefined || !isRestricted(within)) return true
  return has(within.tags) && (within.domains.length === 0 || within.domains.includes(host))
}
