// From a request's fields to the link document of an event, and back to what the API shows.
import { isDeepStrictEqual } from 'node:util'
import { invalidField } from '../errors.js'
import { editableFields, type LinkChanges, type LinkDoc, type LinkEventType, type RedirectRule, type ScheduledEdit } from '../events/link-event.js'
import { validateRules, type RuleInput } from './rules.js'
import { docAt } from './schedule.js'
import { normaliseUrl } from './url.js'
import { isoOrNull } from '../instant.js'

/** The fields of a link that a client may give; null takes one away (RFC 7396). */
export interface LinkFields {
  readonly url?: string
  readonly title?: string | null
  readonly tags?: readonly string[] | null
  readonly validFrom?: string | null
  readonly validUntil?: string | null
  readonly maxVisits?: number | null
  readonly redirectStatus?: number | null
  readonly forwardQuery?: boolean | null
  readonly rules?: readonly RuleInput[] | null
}

const blank: Omit<LinkDoc, 'url'> = {
  title: null,
  tags: [],
  enabled: true,
  deleted: false,
  valid_from: null,
  valid_until: null,
  max_visits: null,
  redirect_status: 302,
  forward_query: false,
  rules: []
}

/** @throws LinklogError validation_failed. */
export const instant = (text: string, pointer: string): number => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw invalidField(pointer, 'is not an instant: write it like 2026-02-15T00:00:00Z')
  return ms
}

const pick = <T, R>(given: T | null | undefined, current: R, preset: R, map: (value: T) => R): R =>
  given === undefined ? current : given === null ? preset : map(given)

const checkWindow = ({ valid_from: from, valid_until: until }: LinkDoc, when: string): void => {
  if (from !== null && until !== null && from >= until) throw invalidField('/validUntil', `must be later than validFrom${when}`)
}

const merge = (current: LinkDoc, fields: LinkFields, ownHosts: ReadonlySet<string>): LinkDoc => {
  const same = <T>(value: T) => value
  const merged: LinkDoc = {
    ...current,
    title: pick(fields.title, current.title, null, same),
    tags: pick(fields.tags, current.tags, [], tags => [...new Set(tags)]),
    valid_from: pick(fields.validFrom, current.valid_from, null, text => instant(text, '/validFrom')),
    valid_until: pick(fields.validUntil, current.valid_until, null, text => instant(text, '/validUntil')),
    max_visits: pick(fields.maxVisits, current.max_visits, null, same),
    redirect_status: pick(fields.redirectStatus, current.redirect_status, 302, same),
    forward_query: pick(fields.forwardQuery, current.forward_query, false, same),
    rules: pick(fields.rules, current.rules, [], rules => validateRules(rules, ownHosts))
  }
  checkWindow(merged, '')
  return merged
}

/** @throws LinklogError validation_failed with a pointer to the field that breaks a rule. */
export const newDocument = (fields: LinkFields & { readonly url: string }, ownHosts: ReadonlySet<string>): LinkDoc =>
  merge({ url: normaliseUrl(fields.url, ownHosts), ...blank }, fields, ownHosts)

/** @throws LinklogError validation_failed with a pointer to the field that breaks a rule. */
export const patchedDocument = (current: LinkDoc, fields: LinkFields, ownHosts: ReadonlySet<string>): LinkDoc =>
  merge(fields.url === undefined ? current : { ...current, url: normaliseUrl(fields.url, ownHosts) }, fields, ownHosts)

const fieldNames: Readonly<Record<typeof editableFields[number], keyof LinkFields>> = {
  url: 'url',
  title: 'title',
  tags: 'tags',
  valid_from: 'validFrom',
  valid_until: 'validUntil',
  max_visits: 'maxVisits',
  redirect_status: 'redirectStatus',
  forward_query: 'forwardQuery',
  rules: 'rules'
}

/**
 * What an edit of a document changes, apart from the rest of it.
 * @throws LinklogError validation_failed with a pointer to the field that breaks a rule, or where nothing is to change.
 */
export const changesOf = (current: LinkDoc, fields: LinkFields, ownHosts: ReadonlySet<string>): LinkChanges => {
  const doc = patchedDocument(current, fields, ownHosts)
  const given = editableFields.filter(field => fields[fieldNames[field]] !== undefined)
  if (given.length === 0) throw invalidField('/effectiveAt', 'comes with no field that is to change then')
  const none: Omit<LinkChanges, 'fields'> = {
    url: null, title: null, tags: null, valid_from: null, valid_until: null, max_visits: null, redirect_status: null, forward_query: null, rules: null
  }
  return { ...none, ...Object.fromEntries(given.map(field => [field, doc[field]])), fields: given }
}

/** @throws LinklogError validation_failed where the edits that lie ahead would break a rule once they take effect. */
export const checkAhead = (doc: LinkDoc, scheduled: readonly ScheduledEdit[]): void => {
  for (const { valid_from: at } of scheduled) checkWindow(docAt(doc, scheduled, at), ` once the edit scheduled for ${new Date(at).toISOString()} takes effect`)
}

export const sameDocument = (a: LinkDoc, b: LinkDoc): boolean => isDeepStrictEqual(a, b)

/** What an edit is called: leading elsewhere has its own name. */
export const editType = (before: LinkDoc, after: LinkDoc): LinkEventType => before.url === after.url ? 'LinkEdited' : 'LinkRetargeted'

const presentRules = (rules: readonly RedirectRule[]) => rules.map(rule => ({
  url: rule.url,
  conditions: rule.conditions.map(condition => ({ ...condition, operands: [...condition.operands] }))
}))

/** A document as the API shows it. */
export const present = (doc: LinkDoc) => ({
  url: doc.url,
  title: doc.title,
  tags: [...doc.tags],
  enabled: doc.enabled,
  deleted: doc.deleted,
  validFrom: isoOrNull(doc.valid_from),
  validUntil: isoOrNull(doc.valid_until),
  maxVisits: doc.max_visits,
  redirectStatus: doc.redirect_status,
  forwardQuery: doc.forward_query,
  rules: presentRules(doc.rules)
})

const presentChanges = (changes: LinkChanges) => {
  const shown: Readonly<Record<string, unknown>> = {
    url: changes.url,
    title: changes.title,
    tags: changes.tags ?? [],
    validFrom: isoOrNull(changes.valid_from),
    validUntil: isoOrNull(changes.valid_until),
    maxVisits: changes.max_visits,
    redirectStatus: changes.redirect_status,
    forwardQuery: changes.forward_query,
    rules: presentRules(changes.rules ?? [])
  }
  const names = new Set<string>(changes.fields.map(field => fieldNames[field]))
  return Object.fromEntries(Object.entries(shown).filter(([name]) => names.has(name)))
}

/** Edits that lie ahead, as the API shows them: of the changes only the fields that change. */
export const presentScheduled = (scheduled: readonly ScheduledEdit[]) => scheduled
  .map(({ event_id: eventId, valid_from: from, changes }) => ({ eventId, effectiveAt: new Date(from).toISOString(), changes: presentChanges(changes) }))
