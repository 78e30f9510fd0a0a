// What is asked of link_revisions and links, and how their rows read. The only SQL text about links.
import type { EditableField, LinkChanges, LinkDoc, LinkEventType, RedirectRule, ScheduledEdit } from '../events/link-event.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeInstant, escapeInteger, escapeString, toMillis } from './escape.js'

export interface Revision {
  readonly eventId: string
  readonly type: LinkEventType
  readonly occurredAt: number
  readonly actor: string
  readonly reason: string | null
  readonly baseVersion: number
  readonly doc: LinkDoc
  /** When a scheduled edit takes effect; null for a change at once. */
  readonly validFrom: number | null
  /** The edits that lay ahead after the event, those that came due since among them. */
  readonly scheduled: readonly ScheduledEdit[]
  /** The version whose fields were taken up again. */
  readonly revertedTo: number | null
}

/** Where a link stands: what a write is decided and confirmed by. */
export interface LinkState {
  readonly link: string
  /** Revisions accepted; 0 where only events stand that were never accepted. */
  readonly version: number
  /** The accepted events in order. */
  readonly eventIds: readonly string[]
  readonly createdAt: number
  /** Present where version > 0. */
  readonly latest: Revision | undefined
  /** Events on the key, losers too. */
  readonly attempts: number
  /** What they weigh. */
  readonly historyBytes: number
}

/** A link at one of its versions. */
export interface PastState {
  readonly link: string
  /** Revisions accepted until now. */
  readonly versionNow: number
  readonly createdAt: number
  /** Undefined where the link did not stand at that version or instant. */
  readonly revision: Revision | undefined
}

export interface Attempt {
  readonly eventId: string
  readonly type: LinkEventType
  readonly occurredAt: number
  readonly actor: string
  readonly baseVersion: number
}

export interface LinkHistory { readonly link: string, readonly revisions: readonly Revision[], readonly attempts: readonly Attempt[] }

/** What a redirect needs to know of a link. */
export interface Target {
  readonly link: string
  readonly version: number
  readonly url: string
  readonly enabled: boolean
  readonly deleted: boolean
  readonly validFrom: number | null
  readonly validUntil: number | null
  readonly maxVisits: number | null
  readonly redirectStatus: number
  readonly forwardQuery: boolean
  readonly rules: readonly RedirectRule[]
  /** Edits that lie ahead, and those that came due since the version was made: see `targetAt` in links/schedule.ts. */
  readonly scheduled: readonly ScheduledEdit[]
}

/** One for all the links that are held without any. */
const noRules: readonly RedirectRule[] = []
const noneScheduled: readonly ScheduledEdit[] = []

type Struct = Record<string, unknown>

/** ksqlDB prints a struct with its fields in upper case; read without regard to case, as its own deserializer does. */
const fields = (value: unknown): Struct => {
  const struct: Struct = {}
  for (const [name, field] of Object.entries(value as Struct)) struct[name.toLowerCase()] = field
  return struct
}

const toRule = (value: unknown): RedirectRule => {
  const rule = fields(value)
  return {
    url: String(rule['url']),
    conditions: ((rule['conditions'] ?? []) as unknown[]).map(condition => {
      const { dimension, argument, operands } = fields(condition)
      return { dimension: String(dimension), argument: (argument ?? null) as string | null, operands: (operands ?? []) as string[] }
    })
  }
}

export const toDoc = (value: unknown): LinkDoc => {
  const doc = fields(value)
  return {
    url: String(doc['url']),
    title: (doc['title'] ?? null) as string | null,
    tags: (doc['tags'] ?? []) as string[],
    enabled: doc['enabled'] !== false,
    deleted: doc['deleted'] === true,
    valid_from: toMillis(doc['valid_from']),
    valid_until: toMillis(doc['valid_until']),
    max_visits: (doc['max_visits'] ?? null) as number | null,
    redirect_status: Number(doc['redirect_status'] ?? 302),
    forward_query: doc['forward_query'] === true,
    rules: ((doc['rules'] ?? []) as unknown[]).map(toRule)
  }
}

const toAttempt = (event: Struct): Attempt => ({
  eventId: String(event['event_id']),
  type: event['type'] as LinkEventType,
  occurredAt: toMillis(event['occurred_at']) ?? 0,
  actor: String(event['actor']),
  baseVersion: Number(event['base_version'])
})

const toChanges = (value: unknown): LinkChanges => {
  const changes = fields(value)
  const given = <T>(name: EditableField) => (changes[name] ?? null) as T | null
  return {
    fields: (changes['fields'] ?? []) as EditableField[],
    url: given('url'),
    title: given('title'),
    tags: given('tags'),
    valid_from: toMillis(changes['valid_from']),
    valid_until: toMillis(changes['valid_until']),
    max_visits: given('max_visits'),
    redirect_status: given('redirect_status'),
    forward_query: given('forward_query'),
    rules: given<unknown[]>('rules')?.map(toRule) ?? null
  }
}

export const toScheduled = (value: unknown): readonly ScheduledEdit[] => !Array.isArray(value) || value.length === 0
  ? noneScheduled
  : value.map(one => {
    const edit = fields(one)
    return { event_id: String(edit['event_id']), valid_from: toMillis(edit['valid_from']) ?? 0, changes: toChanges(edit['changes']) }
  })

/** `scheduled`: the list of the last event up to this one whose writer knew of scheduled edits. */
const toRevision = (event: Struct, scheduled: readonly ScheduledEdit[]): Revision => ({
  ...toAttempt(event),
  reason: (event['reason'] ?? null) as string | null,
  doc: toDoc(event['doc']),
  validFrom: toMillis(event['valid_from']),
  scheduled,
  revertedTo: (event['reverted_to'] ?? null) as number | null
})

const toRevisions = (values: unknown): readonly Revision[] => {
  let scheduled = noneScheduled
  return ((values ?? []) as unknown[]).map(value => {
    const event = fields(value)
    const own = event['scheduled'] ?? null
    if (own !== null) scheduled = toScheduled(own)
    return toRevision(event, scheduled)
  })
}

const orNone = (value: unknown, scheduled: unknown): Revision | undefined =>
  value === null || value === undefined ? undefined : toRevision(fields(value), toScheduled(scheduled))

const toState = (row: Row): LinkState => {
  const [link, version, eventIds, createdAt, latest, scheduled, attempts, historyBytes] = row
  return {
    link: String(link),
    version: Number(version ?? 0),
    eventIds: (eventIds ?? []) as string[],
    createdAt: toMillis(createdAt) ?? 0,
    latest: orNone(latest, scheduled),
    attempts: Number(attempts ?? 0),
    historyBytes: Number(historyBytes ?? 0)
  }
}

const toTarget = (row: Row): Target => {
  const [link, version, url, enabled, deleted, validFrom, validUntil, maxVisits, redirectStatus, forwardQuery, rules, scheduled] = row
  return {
    link: String(link),
    version: Number(version),
    url: String(url),
    enabled: enabled !== false,
    deleted: deleted === true,
    validFrom: toMillis(validFrom),
    validUntil: toMillis(validUntil),
    maxVisits: (maxVisits ?? null) as number | null,
    redirectStatus: Number(redirectStatus ?? 302),
    forwardQuery: forwardQuery === true,
    rules: Array.isArray(rules) && rules.length > 0 ? rules.map(toRule) : noRules,
    scheduled: toScheduled(scheduled)
  }
}

/** What a redirect needs, from a state that a write has just been confirmed by: the document as it was written, and the edits that lie ahead. */
export const targetOf = (link: string, version: number, doc: LinkDoc, scheduled: readonly ScheduledEdit[]): Target => ({
  link,
  version,
  url: doc.url,
  enabled: doc.enabled,
  deleted: doc.deleted,
  validFrom: doc.valid_from,
  validUntil: doc.valid_until,
  maxVisits: doc.max_visits,
  redirectStatus: doc.redirect_status,
  forwardQuery: doc.forward_query,
  rules: doc.rules.length === 0 ? noRules : doc.rules,
  scheduled: scheduled.length === 0 ? noneScheduled : scheduled
})

/** The edits that lie ahead after the revisions given: those that the last writer told who knew of them. */
const scheduledAfter = (revisions: string, where = 'r->scheduled IS NOT NULL') => `FILTER(${revisions}, r => ${where})[-1]->scheduled AS scheduled`

const stateColumns = 'link, ARRAY_LENGTH(revisions) AS version, TRANSFORM(revisions, r => r->event_id) AS event_ids, ' +
  `revisions[1]->occurred_at AS created_at, revisions[-1] AS latest, ${scheduledAfter('revisions')}, ARRAY_LENGTH(attempts) AS attempts, history_bytes`
const targetColumns = 'link, version, url, enabled, deleted, valid_from, valid_until, max_visits, redirect_status, forward_query, rules, scheduled'

export class LinkQueries {
  readonly #ksqldb: Pick<KsqlClient, 'lookUp' | 'pull' | 'push' | 'scan'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'lookUp' | 'pull' | 'push' | 'scan'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** Where these links stand; one that nobody ever wrote to is absent. */
  async states (links: readonly string[]): Promise<ReadonlyMap<string, LinkState>> {
    const { rows } = await this.#ksqldb.pull(`SELECT ${stateColumns} FROM ${this.#names.ksql('link_revisions')} WHERE ${this.#keyed(links)};`)
    return new Map(rows.map(toState).map(state => [state.link, state]))
  }

  /** The whole history of a link, or undefined where nobody ever wrote to it. */
  async history (link: string): Promise<LinkHistory | undefined> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT link, revisions, attempts FROM ${this.#names.ksql('link_revisions')} WHERE link = ${escapeString(link)};`)
    const row = rows[0]
    if (row === undefined) return undefined
    return { link, revisions: toRevisions(row[1]), attempts: ((row[2] ?? []) as unknown[]).map(attempt => toAttempt(fields(attempt))) }
  }

  /** The accepted events of every link that has any, in no order of links. Reads the whole table, no faster than its rows are taken. */
  async * histories (signal: AbortSignal): AsyncGenerator<Pick<LinkHistory, 'link' | 'revisions'>> {
    const { rows } = await this.#ksqldb.scan(`SELECT link, revisions FROM ${this.#names.ksql('link_revisions')} WHERE ARRAY_LENGTH(revisions) > 0;`, signal)
    for await (const [link, revisions] of rows) yield { link: String(link), revisions: toRevisions(revisions) }
  }

  /** The link at a version, from 1; undefined where nobody ever wrote to it. */
  async atVersion (link: string, version: number): Promise<PastState | undefined> {
    const n = escapeInteger(version)
    // a SLICE beyond the end is NULL, and an element of that goes to ksqlDB's processing log as an error
    return await this.#past(link, `revisions[${n}]`, scheduledAfter(`SLICE(revisions, 1, LEAST(${n}, ARRAY_LENGTH(revisions)))`))
  }

  /** The link at an instant (milliseconds since 1970), by the accepted events that had occurred by then. */
  async asOf (link: string, at: number): Promise<PastState | undefined> {
    const by = `r->occurred_at <= FROM_UNIXTIME(CAST(${escapeInstant(at)} AS BIGINT))`
    return await this.#past(link, `FILTER(revisions, r => ${by})[-1]`, scheduledAfter('revisions', `${by} AND r->scheduled IS NOT NULL`))
  }

  async #past (link: string, revision: string, scheduled: string): Promise<PastState | undefined> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT link, ARRAY_LENGTH(revisions) AS version, revisions[1]->occurred_at AS created_at, ${revision} AS revision, ${scheduled} ` +
      `FROM ${this.#names.ksql('link_revisions')} WHERE link = ${escapeString(link)};`)
    const row = rows[0]
    if (row === undefined) return undefined
    return { link, versionNow: Number(row[1] ?? 0), createdAt: toMillis(row[2]) ?? 0, revision: orNone(row[3], row[4]) }
  }

  /** The targets of these links; an unknown one is absent. */
  async targets (links: readonly string[]): Promise<ReadonlyMap<string, Target>> {
    const { rows } = await this.#ksqldb.lookUp(`SELECT ${targetColumns} FROM ${this.#names.ksql('links')} WHERE ${this.#keyed(links)};`)
    const targets = new Map<string, Target>()
    for (const row of rows) {
      const target = toTarget(row)
      targets.set(target.link, target)
    }
    return targets
  }

  /** Every event on a link from now on, as where the link then stands, for as long as the signal and the server allow. */
  async changes (signal: AbortSignal): Promise<AsyncIterable<LinkState>> {
    const { rows } = await this.#ksqldb.push(
      `SELECT ${stateColumns} FROM ${this.#names.ksql('link_revisions')} EMIT CHANGES;`, { 'auto.offset.reset': 'latest' }, signal)
    return (async function * () {
      for await (const row of rows) yield toState(row)
    })()
  }

  /** The links on which these event ids were first written; one that never was is absent. */
  async linksOfEvents (eventIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT event_id, link FROM ${this.#names.ksql('link_event_ids')} WHERE event_id IN (${eventIds.map(escapeString).join(', ')});`)
    return new Map(rows.map(row => [String(row[0]), String(row[1])]))
  }

  #keyed (links: readonly string[]): string {
    const first = links[0]
    if (links.length === 1 && first !== undefined) return `link = ${escapeString(first)}`
    return `link IN (${links.map(escapeString).join(', ')})`
  }
}
