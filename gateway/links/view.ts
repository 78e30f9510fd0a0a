// A link as its log shows it, and as it stands at an instant.
import type { LinkDoc, ScheduledEdit } from '../events/link-event.js'
import type { LinkState, PastState } from '../queries/links.js'
import { aheadAt, docAt } from './schedule.js'

export interface LinkView {
  readonly link: string
  readonly version: number
  readonly createdAt: number
  /** When the last event occurred. */
  readonly updatedAt: number
  readonly doc: LinkDoc
  readonly scheduled: readonly ScheduledEdit[]
}

/** The link as its last event left it; undefined where no event was accepted. */
export const viewOf = (state: LinkState | undefined): LinkView | undefined => {
  if (state?.latest === undefined || state.version === 0) return undefined
  const { occurredAt, doc, scheduled } = state.latest
  return { link: state.link, version: state.version, createdAt: state.createdAt, updatedAt: occurredAt, doc, scheduled }
}

/** The link as one of its events left it. */
export const pastViewOf = ({ link, createdAt, revision }: PastState): LinkView | undefined => revision === undefined
  ? undefined
  : { link, version: revision.baseVersion + 1, createdAt, updatedAt: revision.occurredAt, doc: revision.doc, scheduled: revision.scheduled }

/** The link as it stands at an instant (milliseconds since 1970): the scheduled edits that have come due by then are in its document, not ahead of it. */
export const standingAt = (view: LinkView, at: number): LinkView =>
  view.scheduled.length === 0 ? view : { ...view, doc: docAt(view.doc, view.scheduled, at), scheduled: aheadAt(view.scheduled, at) }
