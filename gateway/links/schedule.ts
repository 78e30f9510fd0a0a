// Scheduled edits: what of a link holds at an instant is a pure function of its document, the edits that lie ahead, and the instant. No timer, so that
// every gateway, every cache and every look back give the same answer from the same log.
import type { EditableField, LinkDoc, ScheduledEdit } from '../events/link-event.js'
import type { Target } from '../queries/links.js'

/** Edits that may lie ahead of a link at one time. */
export const scheduledMax = 20

/** In the order in which they take effect; of two at one instant the one that was scheduled first comes first. */
const inOrder = (scheduled: readonly ScheduledEdit[]): readonly ScheduledEdit[] =>
  scheduled.length < 2 ? scheduled : [...scheduled].sort((a, b) => a.valid_from - b.valid_from)

/** What a link has where an edit takes a field away; a link always has a URL. */
const presets: Readonly<Record<EditableField, unknown>> = {
  url: undefined, title: null, tags: [], valid_from: null, valid_until: null, max_visits: null, redirect_status: 302, forward_query: false, rules: []
}

/** The fields that the edits due at an instant change, with their last values. Fields that this version does not know are left out. */
const dueChanges = (scheduled: readonly ScheduledEdit[], at: number): Partial<LinkDoc> => {
  const due: Partial<Record<EditableField, unknown>> = {}
  for (const { valid_from: from, changes } of inOrder(scheduled)) {
    if (from > at) break
    for (const field of changes.fields) {
      const value = changes[field] ?? presets[field]
      if (value !== undefined) due[field] = value
    }
  }
  return due as Partial<LinkDoc>
}

/** The document as it stands at an instant (milliseconds since 1970). */
export const docAt = (doc: LinkDoc, scheduled: readonly ScheduledEdit[], at: number): LinkDoc =>
  scheduled.length === 0 ? doc : { ...doc, ...dueChanges(scheduled, at) }

/** The document as it stands, and as it will stand once each edit that lies ahead has taken effect. */
export const docsOf = (doc: LinkDoc, scheduled: readonly ScheduledEdit[]): readonly LinkDoc[] =>
  [doc, ...inOrder(scheduled).map(({ valid_from: from }) => docAt(doc, scheduled, from))]

const targetNames: Readonly<Partial<Record<EditableField, string>>> = {
  url: 'url',
  valid_from: 'validFrom',
  valid_until: 'validUntil',
  max_visits: 'maxVisits',
  redirect_status: 'redirectStatus',
  forward_query: 'forwardQuery',
  rules: 'rules'
}

/** A redirect's target as it stands at an instant; itself where no edit was scheduled. */
export const targetAt = (target: Target, at: number): Target => {
  if (target.scheduled.length === 0) return target
  const changes = Object.entries(dueChanges(target.scheduled, at)).flatMap(([field, value]) => {
    const name = targetNames[field as EditableField]
    return name === undefined ? [] : [[name, value]]
  })
  return changes.length === 0 ? target : { ...target, ...Object.fromEntries(changes) }
}

/** The edits that still lie ahead at an instant, in order. */
export const aheadAt = (scheduled: readonly ScheduledEdit[], at: number): readonly ScheduledEdit[] =>
  scheduled.length === 0 ? scheduled : inOrder(scheduled).filter(({ valid_from: from }) => from > at)
