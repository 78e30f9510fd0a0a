// What a command makes of a link: the next event's content, nothing, or a refusal. Pure: no log, no clock, no ids of its own.
import { invalidField, LinklogError } from '../errors.js'
import type { LinkDoc, LinkEvent } from '../events/link-event.js'
import { changesOf, checkAhead, editType, instant, patchedDocument, sameDocument, type LinkFields } from './document.js'
import { aheadAt, docAt, scheduledMax } from './schedule.js'
import type { LinkView } from './view.js'

export type Command =
  /** Without effectiveAt the edit holds at once. */
  | { readonly kind: 'edit', readonly fields: LinkFields, readonly effectiveAt?: string | null | undefined }
  | { readonly kind: 'disable' | 'enable' | 'delete' | 'restore' }
  /** `doc`: the link as it stood at that version. */
  | { readonly kind: 'revert', readonly version: number, readonly doc: LinkDoc }
  /** `eventId`: the LinkEditScheduled event. */
  | { readonly kind: 'cancel', readonly eventId: string }

/** What of an event the command decides. */
export type Decision = Pick<LinkEvent, 'type' | 'doc' | 'valid_from' | 'scheduled' | 'reverted_to'>

/** The instant that a decision is made at, the id that the event will have, and the service's own hosts. */
export interface Circumstances { readonly at: number, readonly eventId: string, readonly ownHosts: ReadonlySet<string> }

type Standing = Pick<LinkView, 'link' | 'doc' | 'scheduled'>

const deleted = (link: string) => new LinklogError('link_deleted', `${link} was deleted`)

const schedule = ({ link, doc, scheduled }: Standing, fields: LinkFields, from: number, { at, eventId, ownHosts }: Circumstances): Decision => {
  if (from <= at) throw invalidField('/effectiveAt', 'must lie ahead')
  if (scheduled.length >= scheduledMax) throw new LinklogError('schedule_full', `${link} has ${scheduled.length} edits that lie ahead: the most that it can have`)
  const edit = { event_id: eventId, valid_from: from, changes: changesOf(docAt(doc, scheduled, from), fields, ownHosts) }
  const ahead = [...scheduled, edit]
  checkAhead(doc, ahead)
  return { type: 'LinkEditScheduled', doc, valid_from: from, scheduled: aheadAt(ahead, at), reverted_to: null }
}

const cancel = ({ link, doc, scheduled }: Standing, eventId: string): Decision => {
  const left = scheduled.filter(edit => edit.event_id !== eventId)
  if (left.length === scheduled.length) throw new LinklogError('scheduled_edit_not_found', `No edit ${eventId} lies ahead of ${link}`)
  checkAhead(doc, left)
  return { type: 'LinkScheduleCancelled', doc, valid_from: null, scheduled: left, reverted_to: null }
}

const now = (type: Decision['type'], doc: LinkDoc, { scheduled }: Standing, revertedTo: number | null = null): Decision =>
  ({ type, doc, valid_from: null, scheduled, reverted_to: revertedTo })

const edit = (standing: Standing, command: Command & { kind: 'edit' }, circumstances: Circumstances): Decision => {
  const { fields, effectiveAt } = command
  if (effectiveAt !== undefined && effectiveAt !== null) return schedule(standing, fields, instant(effectiveAt, '/effectiveAt'), circumstances)
  const doc = patchedDocument(standing.doc, fields, circumstances.ownHosts)
  checkAhead(doc, standing.scheduled)
  return now(editType(standing.doc, doc), doc, standing)
}

/** Who takes up an earlier version wants its fields, not its deletion. */
const revert = (standing: Standing, { version, doc: past }: Command & { kind: 'revert' }): Decision => {
  const doc = { ...past, deleted: false }
  checkAhead(doc, standing.scheduled)
  return now('LinkReverted', doc, standing, version)
}

const onOff = (standing: Standing, kind: 'disable' | 'enable' | 'delete' | 'restore'): Decision => {
  const { doc } = standing
  switch (kind) {
    case 'disable': return now('LinkDisabled', { ...doc, enabled: false }, standing)
    case 'enable': return now('LinkEnabled', { ...doc, enabled: true }, standing)
    case 'delete': return now('LinkDeleted', { ...doc, deleted: true }, standing)
    case 'restore': return now('LinkRestored', { ...doc, deleted: false }, standing)
  }
}

const decision = (standing: Standing, command: Command, circumstances: Circumstances): Decision => {
  switch (command.kind) {
    case 'edit': return edit(standing, command, circumstances)
    case 'revert': return revert(standing, command)
    case 'cancel': return cancel(standing, command.eventId)
    default: return onOff(standing, command.kind)
  }
}

/**
 * Decides on a link as its last event left it. Scheduled edits that have come due go into the document; those ahead are carried on.
 * @returns undefined where the command would change nothing.
 * @throws LinklogError link_deleted, validation_failed, schedule_full, scheduled_edit_not_found.
 */
export const decide = (view: LinkView, command: Command, circumstances: Circumstances): Decision | undefined => {
  const { at } = circumstances
  const standing = { link: view.link, doc: docAt(view.doc, view.scheduled, at), scheduled: aheadAt(view.scheduled, at) }
  if (standing.doc.deleted && command.kind !== 'restore' && command.kind !== 'delete') throw deleted(view.link)
  const made = decision(standing, command, circumstances)
  const changesSchedule = command.kind === 'cancel' || made.valid_from !== null
  return !changesSchedule && sameDocument(made.doc, standing.doc) ? undefined : made
}
