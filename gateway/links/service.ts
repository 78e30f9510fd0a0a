// The commands on links: ask, write the event, and see by the acceptance rule whether it stands.
import { LRUCache } from 'lru-cache'
import { isDeepStrictEqual } from 'node:util'
import { canonicalHost } from '../domains/host.js'
import { invalidField, LinklogError } from '../errors.js'
import type { LinkDoc, LinkEvent, RedirectRule } from '../events/link-event.js'
import type { LinkHistory, LinkState, PastState, Revision } from '../queries/links.js'
import type { Blocklist } from './blocklist.js'
import { checkBlocked } from './blocked.js'
import type { Confirmation } from './confirmation.js'
import { decide, type Command, type Decision } from './decider.js'
import { newDocument, sameDocument, type LinkFields } from './document.js'
import type { KeyedGate } from './gate.js'
import { checkRoom } from './history.js'
import { derivedId } from './ids.js'
import { validateRules, type RuleInput } from './rules.js'
import { docsOf } from './schedule.js'
import { checkSlug, codeCharsMax, codeCharsMin, codeFor, isReserved } from './slug.js'
import { pastViewOf, standingAt, viewOf, type LinkView } from './view.js'

export type { LinkView } from './view.js'

export interface Context {
  /** Who asks. */
  readonly actor: string
  readonly idempotencyKey: string | undefined
  /** The trace that this is part of (W3C). */
  readonly traceparent?: string | undefined
  /** Throws where the asker may not leave a link like this. */
  readonly permit?: ((doc: LinkDoc) => void) | undefined
}

export type CommandResult =
  | {
    readonly kind: 'created' | 'existing' | 'changed' | 'unchanged'
    readonly view: LinkView
    /** The Idempotency-Key was seen before: this is the answer of the first time. */
    readonly isReplay?: boolean
  }
  | { readonly kind: 'pending', readonly link: string, readonly eventId: string }

export interface ServiceOptions {
  readonly read: (link: string) => Promise<LinkState | undefined>
  readonly history: (link: string) => Promise<LinkHistory | undefined>
  readonly atVersion: (link: string, version: number) => Promise<PastState | undefined>
  readonly asOf: (link: string, at: number) => Promise<PastState | undefined>
  readonly linkOfEvent: (eventId: string) => Promise<string | undefined>
  readonly write: (link: string, event: LinkEvent, traceparent: string | undefined) => Promise<void>
  readonly confirmation: Confirmation
  readonly gate: KeyedGate
  readonly ownHosts: () => ReadonlySet<string>
  /** What stands before the slug in the keys of a domain's links; undefined where there is no such domain. */
  readonly prefixOf: (domain: string) => string | undefined
  readonly blocklist?: Pick<Blocklist, 'blocksSlug' | 'blocksUrl'>
  readonly newId: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly confirmTimeoutMs: number
  /** Told of each link that a command has just changed, as its last event left it. */
  readonly onChange: (view: LinkView) => void
}

type CreateFields = LinkFields & { readonly url: string, readonly slug?: string, readonly domain?: string | null, readonly reason?: string | null }

/** A change of a link that stands. */
export type ChangeRequest =
  | Exclude<Command, { kind: 'revert' }>
  | { readonly kind: 'revert', readonly version: number }

export interface ChangeOptions {
  /** The versions that the writer has seen, of which one must stand; undefined: any. */
  readonly seen?: readonly number[] | undefined
  readonly reason?: string | null | undefined
}

/** How often a change that comes without If-Match is decided anew where another came first. */
const roundsMax = 8

/** Idempotency-Keys remembered here, until link_event_ids has them for every gateway. */
const recentKeysMax = 50_000

const noLink = (link: string) => new LinklogError('link_not_found', `There is no link ${link}`)
const taken = (link: string) => new LinklogError('slug_taken', `"${link}" is taken`)
const stale = (link: string, stands: number) =>
  new LinklogError('version_stale', `${link} is at version ${stands} now: read it again`, { headers: { etag: `"${stands}"` } })
const reused = () => new LinklogError('idempotency_key_reused', 'This Idempotency-Key was used for a request with other content')

export class LinkService {
  readonly #options: ServiceOptions
  readonly #recentKeys = new LRUCache<string, string>({ max: recentKeysMax })

  constructor (options: ServiceOptions) {
    this.#options = options
  }

  /**
   * Makes a link. Without a slug its code comes from the URL, and the same URL gives the same link.
   * @throws LinklogError slug_taken, validation_failed, idempotency_key_reused, history_full, unavailable.
   */
  async create (fields: CreateFields, context: Context): Promise<CommandResult> {
    const doc = newDocument(fields, this.#options.ownHosts())
    checkBlocked(this.#options.blocklist, [doc])
    const reason = fields.reason ?? null
    const prefix = this.#prefix(fields.domain ?? null)
    if (context.idempotencyKey !== undefined) {
      const eventId = derivedId('create', context.actor, context.idempotencyKey)
      const earlier = this.#recentKeys.get(eventId) ?? await this.#options.linkOfEvent(eventId)
      const allowed = prefix + (fields.slug ?? codeFor(doc.url, codeCharsMax))
      if (earlier !== undefined && (fields.slug === undefined ? !allowed.startsWith(earlier) : allowed !== earlier)) throw reused()
    }
    if (fields.slug !== undefined) {
      const link = prefix + checkSlug(fields.slug)
      if (this.#options.blocklist?.blocksSlug(fields.slug) === true) throw invalidField('/slug', `"${fields.slug}" is blocked`)
      const result = await this.#createAt(link, doc, reason, context)
      if (result === undefined) throw taken(link)
      return result
    }
    for (let chars = codeCharsMin; chars <= codeCharsMax; chars++) {
      const code = codeFor(doc.url, chars)
      if (isReserved(code) || this.#options.blocklist?.blocksSlug(code) === true) continue
      const result = await this.#createAt(prefix + code, doc, reason, context, view => !view.doc.deleted && view.doc.url === doc.url)
      if (result !== undefined) return result
    }
    throw taken(prefix + codeFor(doc.url, codeCharsMax))
  }

  /** Redirect rules as they would be kept. @throws LinklogError validation_failed. */
  rulesOf (rules: readonly RuleInput[]): readonly RedirectRule[] {
    return validateRules(rules, this.#options.ownHosts())
  }

  #prefix (domain: string | null): string {
    if (domain === null) return ''
    const host = canonicalHost(domain)
    const prefix = host === undefined ? undefined : this.#options.prefixOf(host)
    if (prefix === undefined) throw invalidField('/domain', 'is no domain of this service')
    return prefix
  }

  /** Undefined where the key belongs to another link; `same` says which link there will do instead of a new one. */
  async #createAt (
    link: string, doc: LinkDoc, reason: string | null, context: Context, same: (view: LinkView) => boolean = () => false
  ): Promise<CommandResult | undefined> {
    const key = context.idempotencyKey
    const eventId = key === undefined ? this.#options.newId() : derivedId('create', context.actor, key)
    return await this.#exclusive(link, async () => {
      const state = await this.#options.read(link)
      if (key !== undefined && state?.eventIds[0] === eventId) return await this.#replayedCreate(link, eventId, doc, reason)
      const standing = this.#standing(state)
      if (standing !== undefined) return same(standing) ? { kind: 'existing', view: standing } : undefined
      const decision: Decision = { type: 'LinkCreated', doc, valid_from: null, scheduled: [], reverted_to: null }
      const event = { event_id: eventId, occurred_at: this.#options.now(), actor: context.actor, reason, base_version: 0, ...decision }
      checkRoom(link, state, event)
      this.#remember(key, eventId, link)
      const result = await this.#commit(link, event, 'created', context)
      if (!('lostTo' in result)) return result
      return result.lostTo !== undefined && same(result.lostTo) ? { kind: 'existing', view: result.lostTo } : undefined
    })
  }

  /** The same Idempotency-Key again: the answer of the first time, where the content is the same. */
  async #replayedCreate (link: string, eventId: string, doc: LinkDoc, reason: string | null): Promise<CommandResult> {
    const first = (await this.#options.history(link))?.revisions[0]
    if (first === undefined || first.eventId !== eventId || !sameDocument(first.doc, doc) || first.reason !== reason) throw reused()
    return { kind: 'created', isReplay: true, view: { link, version: 1, createdAt: first.occurredAt, updatedAt: first.occurredAt, doc: first.doc, scheduled: first.scheduled } }
  }

  /**
   * Changes a link. With `seen` it must stand at one of those versions; without, the change is decided anew where another came first.
   * @throws LinklogError link_not_found, link_deleted, version_stale, validation_failed, schedule_full, scheduled_edit_not_found, idempotency_key_reused,
   * history_full, unavailable.
   */
  async change (link: string, request: ChangeRequest, { seen, reason = null }: ChangeOptions, context: Context): Promise<CommandResult> {
    return await this.#exclusive(link, async () => {
      for (let round = 1; ; round++) {
        const result = await this.#changeOnce(link, request, seen, reason, context)
        if (!('lostTo' in result)) return result
        if (seen !== undefined || round >= roundsMax) throw stale(link, result.lostTo)
      }
    })
  }

  async #changeOnce (
    link: string, request: ChangeRequest, seen: readonly number[] | undefined, reason: string | null, context: Context
  ): Promise<CommandResult | { readonly lostTo: number }> {
    const key = context.idempotencyKey
    const eventId = key === undefined ? this.#options.newId() : derivedId(request.kind, context.actor, link, key)
    // an earlier version is read before the link as it stands: it is then one of the versions that the decision is based on
    const command = await this.#commandOf(link, request)
    const state = await this.#options.read(link)
    const view = viewOf(state)
    if (state === undefined || view === undefined) throw noLink(link)
    if (key !== undefined && state.eventIds.includes(eventId)) return await this.#replayed(link, eventId, command, reason)
    if (seen !== undefined && !seen.includes(view.version)) throw stale(link, view.version)
    // a clock that is behind that of the event before must not turn the order of the history around
    const at = Math.max(this.#options.now(), view.updatedAt)
    const decision = decide(view, command, { at, eventId, ownHosts: this.#options.ownHosts() })
    if (decision === undefined) return { kind: 'unchanged', view: standingAt(view, at) }
    const docs = docsOf(decision.doc, decision.scheduled ?? [])
    checkBlocked(this.#options.blocklist, docs, docsOf(view.doc, view.scheduled))
    if (context.permit !== undefined) docs.forEach(context.permit)
    const event = { event_id: eventId, occurred_at: at, actor: context.actor, reason, base_version: view.version, ...decision }
    checkRoom(link, state, event)
    const result = await this.#commit(link, event, 'changed', context)
    return 'lostTo' in result ? { lostTo: result.lostTo?.version ?? view.version + 1 } : result
  }

  /** @throws LinklogError validation_failed where the version to go back to does not exist. */
  async #commandOf (link: string, request: ChangeRequest): Promise<Command> {
    if (request.kind !== 'revert') return request
    const past = await this.#options.atVersion(link, request.version)
    if (past === undefined || past.versionNow === 0) throw noLink(link)
    const view = pastViewOf(past)
    if (view === undefined) throw invalidField('/version', `is not a version of ${link}: it has ${past.versionNow}`)
    return { ...request, doc: standingAt(view, view.updatedAt).doc }
  }

  /** The same Idempotency-Key again: the answer of the first time, where the same decision comes of the same content. */
  async #replayed (link: string, eventId: string, command: Command, reason: string | null): Promise<CommandResult> {
    const revisions = (await this.#options.history(link))?.revisions ?? []
    const index = revisions.findIndex(revision => revision.eventId === eventId)
    const [first, before, after] = [revisions[0], revisions[index - 1], revisions[index]]
    if (first === undefined || before === undefined || after === undefined) throw reused()
    const viewAt = (version: number, { occurredAt, doc, scheduled }: Revision): LinkView =>
      ({ link, version, createdAt: first.occurredAt, updatedAt: occurredAt, doc, scheduled })
    const again = decide(viewAt(index, before), command, { at: after.occurredAt, eventId, ownHosts: this.#options.ownHosts() })
    const { type, doc, validFrom, scheduled, revertedTo } = after
    const made: Decision = { type, doc, valid_from: validFrom, scheduled, reverted_to: revertedTo }
    if (!isDeepStrictEqual(again, made) || after.reason !== reason) throw reused()
    return { kind: 'changed', isReplay: true, view: standingAt(viewAt(index + 1, after), after.occurredAt) }
  }

  /** Writes the event and waits for the verdict. */
  async #commit (
    link: string, event: LinkEvent, kind: 'created' | 'changed', { traceparent }: Context
  ): Promise<CommandResult | { readonly lostTo: LinkView | undefined }> {
    const deadline = this.#options.now() + this.#options.confirmTimeoutMs
    const write = async (): Promise<void> => await this.#options.write(link, event, traceparent)
    const { outcome, state } = await this.#options.confirmation.of(link, event.event_id, event.base_version, deadline, write)
    if (outcome === 'pending') return { kind: 'pending', link, eventId: event.event_id }
    if (outcome === 'lost') return { lostTo: this.#standing(state) }
    const createdAt = state?.createdAt ?? event.occurred_at
    const view = { link, version: event.base_version + 1, createdAt, updatedAt: event.occurred_at, doc: event.doc, scheduled: event.scheduled ?? [] }
    this.#options.onChange(viewOf(state) ?? view)
    return { kind, view }
  }

  #standing (state: LinkState | undefined): LinkView | undefined {
    const view = viewOf(state)
    return view === undefined ? undefined : standingAt(view, this.#options.now())
  }

  async #exclusive<T> (link: string, task: () => Promise<T>): Promise<T> {
    try {
      return await this.#options.gate.run(link, task)
    } catch (error) {
      if (error instanceof RangeError) throw new LinklogError('overloaded', error.message, { headers: { 'retry-after': '1' }, cause: error })
      throw error
    }
  }

  #remember (key: string | undefined, eventId: string, link: string): void {
    if (key !== undefined) this.#recentKeys.set(eventId, link)
  }

  /** Where a link stands now. @throws LinklogError link_not_found. */
  async get (link: string): Promise<LinkView> {
    const view = this.#standing(await this.#options.read(link))
    if (view === undefined) throw noLink(link)
    return view
  }

  /**
   * Where a link stood at one of its versions, when that was made.
   * @throws LinklogError link_not_found, version_not_found.
   */
  async atVersion (link: string, version: number): Promise<LinkView> {
    const view = await this.#pastView(link, await this.#options.atVersion(link, version), `has no version ${version}`)
    return standingAt(view, view.updatedAt)
  }

  /**
   * Where a link stood at an instant (milliseconds since 1970); in the future: where it will, if nothing is done until then.
   * @throws LinklogError link_not_found, version_not_found.
   */
  async asOf (link: string, at: number): Promise<LinkView> {
    return standingAt(await this.#pastView(link, await this.#options.asOf(link, at), `did not exist at ${new Date(at).toISOString()}`), at)
  }

  async #pastView (link: string, past: PastState | undefined, why: string): Promise<LinkView> {
    if (past === undefined || past.versionNow === 0) throw noLink(link)
    const view = pastViewOf(past)
    if (view === undefined) throw new LinklogError('version_not_found', `${link} ${why}`)
    return view
  }

  /** Where these links stand now; one that does not exist is absent. */
  async getAll (links: readonly string[]): Promise<ReadonlyMap<string, LinkView>> {
    const views = await Promise.all(links.map(async link => this.#standing(await this.#options.read(link))))
    return new Map(views.flatMap(view => view === undefined ? [] : [[view.link, view]]))
  }

  /** Everything that was ever written to a link. @throws LinklogError link_not_found. */
  async history (link: string): Promise<LinkHistory> {
    const history = await this.#options.history(link)
    if (history === undefined || history.attempts.length === 0) throw noLink(link)
    return history
  }
}
