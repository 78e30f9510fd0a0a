// A history told to people: which events were ignored and why, and what each accepted one changed.
import { isDeepStrictEqual } from 'node:util'
import type { LinkHistory, Revision } from '../queries/links.js'
import { present, presentScheduled } from './document.js'
import { aheadAt, docAt } from './schedule.js'

/** `index` is the event's place among the attempts. */
export interface Rejection {
  readonly index: number
  readonly eventId: string
  readonly versionThen: number
  readonly explanation: string
  readonly lostTo: string | undefined
}

/** Which events of a history were ignored, and why: the acceptance rule walked again over the attempts. */
export const rejectionsOf = (history: LinkHistory): readonly Rejection[] => {
  const rejections: Rejection[] = []
  let version = 0
  for (const [index, attempt] of history.attempts.entries()) {
    const next: Revision | undefined = history.revisions[version]
    if (next?.eventId === attempt.eventId && attempt.baseVersion === version) {
      version++
      continue
    }
    const winner = history.revisions[attempt.baseVersion]
    rejections.push({
      index,
      eventId: attempt.eventId,
      versionThen: version,
      lostTo: attempt.baseVersion < version ? winner?.eventId : undefined,
      explanation: `It was written for version ${attempt.baseVersion}, but the link stood at version ${version}` +
        (attempt.baseVersion < version ? `: ${winner?.eventId ?? 'another event'} had come first.` : '.')
    })
  }
  return rejections
}

export interface FieldDifference { readonly field: string, readonly from: unknown, readonly to: unknown }

const shownAt = ({ doc, scheduled }: Revision, at: number): Record<string, unknown> =>
  ({ ...present(docAt(doc, scheduled, at)), scheduled: presentScheduled(aheadAt(scheduled, at)) })

/**
 * What a revision changed: field by field, as the API shows them, from how the link stood just before it. A scheduled edit that had come due
 * in between is part of "before": it is told with the revision that scheduled it.
 */
export const differenceOf = (before: Revision, after: Revision): readonly FieldDifference[] => {
  const from = shownAt(before, after.occurredAt)
  const to = shownAt(after, after.occurredAt)
  return Object.keys(to).filter(field => !isDeepStrictEqual(from[field], to[field])).map(field => ({ field, from: from[field], to: to[field] }))
}
