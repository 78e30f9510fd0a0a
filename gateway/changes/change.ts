// A change of a link as programs are told of it: by the feed and by webhooks in the same form.
import { isRestricted, type Restriction } from '../access/restriction.js'
import type { LinkEvent, LinkEventType } from '../events/link-event.js'
import { present } from '../links/document.js'

export interface Change {
  readonly partition: number
  readonly offset: number
  readonly link: string
  readonly version: number
  readonly event: LinkEvent
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** As JSON has it. `id` is the event's: the same where it comes twice. */
export const toJson = ({ partition, offset, link, version, event }: Change) => ({
  id: event.event_id,
  type: event.type,
  link,
  version,
  occurredAt: iso(event.occurred_at),
  actor: event.actor,
  reason: event.reason,
  validFrom: event.valid_from === null ? null : iso(event.valid_from),
  partition,
  offset,
  doc: present(event.doc)
})

/** Which changes are asked for; what is undefined or empty does not restrict. */
export interface ChangeFilter {
  readonly types?: readonly LinkEventType[] | undefined
  readonly links?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly domains?: readonly string[] | undefined
  /** Of the key that asks. */
  readonly within?: Restriction | undefined
}

const hostOf = (link: string, defaultHost: string): string => link.includes('/') ? link.slice(0, link.indexOf('/')) : defaultHost

/** Whether a change is among those asked for. Tags are those that the link has after it. */
export const matches = ({ link, event }: Pick<Change, 'link' | 'event'>, filter: ChangeFilter, defaultHost: string): boolean => {
  const { types = [], links = [], tags = [], domains = [], within } = filter
  if (types.length > 0 && !types.includes(event.type)) return false
  if (links.length > 0 && !links.includes(link)) return false
  const host = hostOf(link, defaultHost)
  const has = (asked: readonly string[]) => asked.length === 0 || event.doc.tags.some(tag => asked.includes(tag))
  if (!has(tags) || (domains.length > 0 && !domains.includes(host))) return false
  if (within === undefined || !isRestricted(within)) return true
  return has(within.tags) && (within.domains.length === 0 || within.domains.includes(host))
}
