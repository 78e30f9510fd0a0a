// The log and its table in a few plain lines, told apart from the gateway: the acceptance rule of the design, for tests of what stands on it.
import type { LinkEvent } from '../../../gateway/events/link-event.js'
import type { LinkHistory, LinkState, Revision } from '../../../gateway/queries/links.js'

const toRevision = (event: LinkEvent): Revision => ({
  eventId: event.event_id,
  type: event.type,
  occurredAt: event.occurred_at,
  actor: event.actor,
  reason: event.reason,
  baseVersion: event.base_version,
  doc: event.doc
})

export class AcceptanceLog {
  readonly events: Array<{ readonly link: string, readonly event: LinkEvent }> = []
  /** How many events the table is behind the log. */
  lag = 0

  append (link: string, event: LinkEvent): void {
    this.events.push({ link, event })
  }

  history (link: string): LinkHistory | undefined {
    const events = this.events.slice(0, this.events.length - this.lag).filter(one => one.link === link).map(({ event }) => event)
    if (events.length === 0) return undefined
    const accepted: LinkEvent[] = []
    for (const event of events) if (event.base_version === accepted.length) accepted.push(event)
    return { link, revisions: accepted.map(toRevision), attempts: events.map(toRevision) }
  }

  state (link: string): LinkState | undefined {
    const history = this.history(link)
    if (history === undefined) return undefined
    const { revisions, attempts } = history
    return {
      link,
      version: revisions.length,
      eventIds: revisions.map(({ eventId }) => eventId),
      createdAt: revisions[0]?.occurredAt ?? 0,
      latest: revisions.at(-1),
      attempts: attempts.length
    }
  }
}
