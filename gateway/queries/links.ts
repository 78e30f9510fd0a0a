// What is asked of link_revisions and links, and how their rows read. The only SQL text about links.
import type { LinkDoc, LinkEventType, RedirectRule } from '../events/link-event.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeString, toMillis } from './escape.js'

export interface Revision {
  readonly eventId: string
  readonly type: LinkEventType
  readonly occurredAt: number
  readonly actor: string
  readonly reason: string | null
  readonly baseVersion: number
  readonly doc: LinkDoc
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
}

type Struct = Record<string, unknown>

/** ksqlDB prints a struct with its fields in upper case; read without regard to case, as its own deserializer does. */
const fields = (value: unknown): Struct =>
  Object.fromEntries(Object.entries(value as Struct).map(([name, field]) => [name.toLowerCase(), field]))

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

const toDoc = (value: unknown): LinkDoc => {
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

const toAttempt = (value: unknown): Attempt => {
  const event = fields(value)
  return {
    eventId: String(event['event_id']),
    type: event['type'] as LinkEventType,
    occurredAt: toMillis(event['occurred_at']) ?? 0,
    actor: String(event['actor']),
    baseVersion: Number(event['base_version'])
  }
}

const toRevision = (value: unknown): Revision => {
  const { reason, doc } = fields(value)
  return { ...toAttempt(value), reason: (reason ?? null) as string | null, doc: toDoc(doc) }
}

const toState = (row: Row): LinkState => {
  const [link, version, eventIds, createdAt, latest, attempts] = row
  return {
    link: String(link),
    version: Number(version ?? 0),
    eventIds: (eventIds ?? []) as string[],
    createdAt: toMillis(createdAt) ?? 0,
    latest: latest === null || latest === undefined ? undefined : toRevision(latest),
    attempts: Number(attempts ?? 0)
  }
}

/** One for all the links without rules that are held. */
const noRules: readonly RedirectRule[] = []

const toTarget = (row: Row): Target => {
  const [link, version, url, enabled, deleted, validFrom, validUntil, maxVisits, redirectStatus, forwardQuery, rules] = row
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
    rules: Array.isArray(rules) && rules.length > 0 ? rules.map(toRule) : noRules
  }
}

/** What a redirect needs, from a state that a write has just been confirmed by. */
export const targetOf = (link: string, version: number, doc: LinkDoc): Target => ({
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
  rules: doc.rules.length === 0 ? noRules : doc.rules
})

const stateColumns = 'link, ARRAY_LENGTH(revisions) AS version, TRANSFORM(revisions, r => r->event_id) AS event_ids, ' +
  'revisions[1]->occurred_at AS created_at, revisions[-1] AS latest, ARRAY_LENGTH(attempts) AS attempts'
const targetColumns = 'link, version, url, enabled, deleted, valid_from, valid_until, max_visits, redirect_status, forward_query, rules'

export class LinkQueries {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'push'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
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
    return { link, revisions: ((row[1] ?? []) as unknown[]).map(toRevision), attempts: ((row[2] ?? []) as unknown[]).map(toAttempt) }
  }

  /** The targets of these links; an unknown one is absent. */
  async targets (links: readonly string[]): Promise<ReadonlyMap<string, Target>> {
    const { rows } = await this.#ksqldb.pull(`SELECT ${targetColumns} FROM ${this.#names.ksql('links')} WHERE ${this.#keyed(links)};`)
    return new Map(rows.map(toTarget).map(target => [target.link, target]))
  }

  /** Every event on a link from now on, as where the link then stands, for as long as the signal and the server allow. */
  async changes (signal: AbortSignal): Promise<AsyncIterable<LinkState>> {
    const { rows } = await this.#ksqldb.push(
      `SELECT ${stateColumns} FROM ${this.#names.ksql('link_revisions')} EMIT CHANGES;`, { 'auto.offset.reset': 'latest' }, signal)
    return (async function * () {
      for await (const row of rows) yield toState(row)
    })()
  }

  /** The link on which an event id was first written, or undefined where it never was. */
  async linkOfEvent (eventId: string): Promise<string | undefined> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT event_id, link FROM ${this.#names.ksql('link_event_ids')} WHERE event_id = ${escapeString(eventId)};`)
    return rows[0] === undefined ? undefined : String(rows[0][1])
  }

  #keyed (links: readonly string[]): string {
    const first = links[0]
    if (links.length === 1 && first !== undefined) return `link = ${escapeString(first)}`
    return `link IN (${links.map(escapeString).join(', ')})`
  }
}
