// From a request's fields to the link document of an event, and back to what the API shows.
import { isDeepStrictEqual } from 'node:util'
import { invalidField } from '../errors.js'
import type { LinkDoc, LinkEventType } from '../events/link-event.js'
import { validateRules, type RuleInput } from './rules.js'
import { normaliseUrl } from './url.js'

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

const instant = (text: string, pointer: string): number => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw invalidField(pointer, 'is not an instant: write it like 2026-02-15T00:00:00Z')
  return ms
}

const pick = <T, R>(given: T | null | undefined, current: R, preset: R, map: (value: T) => R): R =>
  given === undefined ? current : given === null ? preset : map(given)

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
  if (merged.valid_from !== null && merged.valid_until !== null && merged.valid_from >= merged.valid_until) {
    throw invalidField('/validUntil', 'must be later than validFrom')
  }
  return merged
}

/** @throws LinklogError validation_failed with a pointer to the field that breaks a rule. */
export const newDocument = (fields: LinkFields & { readonly url: string }, ownHosts: ReadonlySet<string>): LinkDoc =>
  merge({ url: normaliseUrl(fields.url, ownHosts), ...blank }, fields, ownHosts)

/** @throws LinklogError validation_failed with a pointer to the field that breaks a rule. */
export const patchedDocument = (current: LinkDoc, fields: LinkFields, ownHosts: ReadonlySet<string>): LinkDoc =>
  merge(fields.url === undefined ? current : { ...current, url: normaliseUrl(fields.url, ownHosts) }, fields, ownHosts)

export const sameDocument = (a: LinkDoc, b: LinkDoc): boolean => isDeepStrictEqual(a, b)

/** What an edit is called: leading elsewhere has its own name. */
export const editType = (before: LinkDoc, after: LinkDoc): LinkEventType => before.url === after.url ? 'LinkEdited' : 'LinkRetargeted'

const iso = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString()

/** A document as the API shows it. */
export const present = (doc: LinkDoc) => ({
  url: doc.url,
  title: doc.title,
  tags: [...doc.tags],
  enabled: doc.enabled,
  deleted: doc.deleted,
  validFrom: iso(doc.valid_from),
  validUntil: iso(doc.valid_until),
  maxVisits: doc.max_visits,
  redirectStatus: doc.redirect_status,
  forwardQuery: doc.forward_query,
  rules: doc.rules.map(rule => ({
    url: rule.url,
    conditions: rule.conditions.map(condition => ({ ...condition, operands: [...condition.operands] }))
  }))
})
