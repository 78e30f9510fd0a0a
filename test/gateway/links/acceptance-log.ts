// The log and its table in a few plain lines, told apart from the gateway: the acceptance rule of the design, for tests of what stands on it.
import type { LinkEvent, ScheduledEdit } from '../../../gateway/events/link-event.js'
import type { LinkHistory, LinkState, PastState, Revision } from '../../../gateway/queries/links.js'

/** `scheduled`: of the last event so far that says something of it. */
const toRevision = (event: LinkEvent, scheduled: readonly ScheduledEdit[]): Revision => ({
  eventId: event.event_id,
  type: event.type,
  occurredAt: event.occurred_at,
  actor: event.actor,
  reason: event.reason,
  baseVersion: event.base_version,
  doc: event.doc,
  validFrom: event.valid_from,
  scheduled,
  revertedTo: event.reverted_to
})

const weight = ({ doc, scheduled, reason }: LinkEvent): number => Buffer.byteLength(JSON.stringify({ doc, scheduled, reason }))

export class AcceptanceLog {
  readonly events: Array<{ readonly link: string, readonly event: LinkEvent }> = []
  /** How many events the table is behind the log. */
  lag = 0

  append (link: string, event: LinkEvent): void {
    this.events.push({ link, event })
  }

  #of (link: string): readonly LinkEvent[] {
    return this.events.slice(0, this.events.length - this.lag).filter(one => one.link === link).map(({ event }) => event)
  }

  history (link: string): LinkHistory | undefined {
    const events = this.#of(link)
    if (events.length === 0) return undefined
    const accepted: LinkEvent[] = []
    for (const event of events) if (event.base_version === accepted.length) accepted.push(event)
    let scheduled: readonly ScheduledEdit[] = []
    const revisions = accepted.map(event => {
      scheduled = event.scheduled ?? scheduled
      return toRevision(event, scheduled)
    })
    return { link, revisions, attempts: events.map(event => toRevision(event, [])) }
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
      attempts: attempts.length,
      historyBytes: this.#of(link).reduce((sum, event) => sum + weight(event), 0)
    }
  }

  #past (link: string, pick: (revisions: readonly Revision[]) => Revision | undefined): PastState | undefined {
    const history = this.history(link)
    if (history === undefined) return undefined
    const { revisions } = history
    return { link, versionNow: revisions.length, createdAt: revisions[0]?.occurredAt ?? 0, revision: pick(revisions) }
  }

  atVersion (link: string, version: number): PastState | undefined {
    return this.#past(link, revisions => revisions[version - 1])
  }

  asOf (link: string, at: number): PastState | undefined {
    return this.#past(link, revisions => revisions.filter(({ occurredAt }) => occurredAt <= at).at(-1))
  }
}
