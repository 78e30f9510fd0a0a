// A change of a link as programs are told of it: by the feed and by webhooks in the same form.
import type { LinkEvent, LinkEventType } from '../events/link-event.js'
import { present } from '../links/document.js'
import { selects, type LinkSelection } from '../links/selection.js'
import { iso } from '../instant.js'

export interface Change {
  readonly partition: number
  readonly offset: number
  readonly link: string
  readonly version: number
  readonly event: LinkEvent
}

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
export interface ChangeFilter extends LinkSelection { readonly types?: readonly LinkEventType[] | undefined }

/** Whether a change is among those asked for. Tags are those that the link has after it. */
export const matches = ({ link, event }: Pick<Change, 'link' | 'event'>, { types = [], ...selection }: ChangeFilter, defaultHost: string): boolean =>
  (types.length === 0 || types.includes(event.type)) && selects(selection, link, event.doc.tags, defaultHost)
