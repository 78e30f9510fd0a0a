// The commands on links: ask, write the event, and see by the acceptance rule whether it stands.
import { canonicalHost } from '../domains/host.js'
import { invalidField, LinklogError } from '../errors.js'
import type { LinkDoc, LinkEvent } from '../events/link-event.js'
import type { LinkHistory, LinkState, Revision } from '../queries/links.js'
import type { Confirmation } from './confirmation.js'
import { editType, newDocument, patchedDocument, sameDocument, type LinkFields } from './document.js'
import type { KeyedGate } from './gate.js'
import { attemptsUnmeasured, checkHistory } from './history.js'
import { derivedId } from './ids.js'
import { checkSlug, codeCharsMax, codeCharsMin, codeFor, isReserved } from './slug.js'

/** Who asks, and under which Idempotency-Key. */
export interface Context { readonly actor: string, readonly idempotencyKey: string | undefined }

/** A link as it stands after a command. */
export interface LinkView {
  readonly link: string
  readonly version: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly doc: LinkDoc
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
  readonly linkOfEvent: (eventId: string) => Promise<string | undefined>
  readonly write: (link: string, event: LinkEvent) => Promise<void>
  readonly confirmation: Confirmation
  readonly gate: KeyedGate
  readonly ownHosts: () => ReadonlySet<string>
  /** What stands before the slug in the keys of a domain's links; undefined where there is no such domain. */
  readonly prefixOf: (domain: string) => string | undefined
  readonly newId: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly confirmTimeoutMs: number
  /** Told of each link that a command has just changed, as it now stands. */
  readonly onChange: (view: LinkView) => void
}

type CreateFields = LinkFields & { readonly url: string, readonly slug?: string, readonly domain?: string | null, readonly reason?: string | null }
type EditFields = LinkFields & { readonly reason?: string | null }

/** Idempotency-Keys remembered here, until link_event_ids has them for every gateway. */
const recentKeysMax = 50_000

/** The link as a state shows it; undefined where no event was accepted. */
export const viewOf = (state: LinkState | undefined): LinkView | undefined =>
  state?.latest === undefined || state.version === 0
    ? undefined
    : { link: state.link, version: state.version, createdAt: state.createdAt, updatedAt: state.latest.occurredAt, doc: state.latest.doc }

const taken = (link: string) => new LinklogError('slug_taken', `"${link}" is taken`)
const stale = (link: string, stands: number) =>
  new LinklogError('version_stale', `${link} is at version ${stands} now: read it again`, { headers: { etag: `"${stands}"` } })
const reused = () => new LinklogError('idempotency_key_reused', 'This Idempotency-Key was used for a request with other content')

export class LinkService {
  readonly #options: ServiceOptions
  readonly #recentKeys = new Map<string, string>()

  constructor (options: ServiceOptions) {
    this.#options = options
  }

  /**
   * Makes a link. Without a slug its code comes from the URL, and the same URL gives the same link.
   * @throws LinklogError slug_taken, validation_failed, idempotency_key_reused, history_full, unavailable.
   */
  async create (fields: CreateFields, context: Context): Promise<CommandResult> {
    const doc = newDocument(fields, this.#options.ownHosts())
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
      const result = await this.#createAt(link, doc, reason, context)
      if (result === undefined) throw taken(link)
      return result
    }
    for (let chars = codeCharsMin; chars <= codeCharsMax; chars++) {
      const code = codeFor(doc.url, chars)
      if (isReserved(code)) continue
      const result = await this.#createAt(prefix + code, doc, reason, context, view => !view.doc.deleted && view.doc.url === doc.url)
      if (result !== undefined) return result
    }
    throw taken(prefix + codeFor(doc.url, codeCharsMax))
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
      const standing = viewOf(state)
      if (standing !== undefined) return same(standing) ? { kind: 'existing', view: standing } : undefined
      await this.#roomFor(link, state)
      this.#remember(key, eventId, link)
      const event: LinkEvent = { event_id: eventId, type: 'LinkCreated', occurred_at: this.#options.now(), actor: context.actor, reason, base_version: 0, doc, valid_from: null, scheduled: [], reverted_to: null }
      const result = await this.#commit(link, event, 'created')
      if (!('lostTo' in result)) return result
      return result.lostTo !== undefined && same(result.lostTo) ? { kind: 'existing', view: result.lostTo } : undefined
    })
  }

  /** The same Idempotency-Key again: the answer of the first time, where the content is the same. */
  async #replayedCreate (link: string, eventId: string, doc: LinkDoc, reason: string | null): Promise<CommandResult> {
    const first = (await this.#options.history(link))?.revisions[0]
    if (first === undefined || first.eventId !== eventId || !sameDocument(first.doc, doc) || first.reason !== reason) throw reused()
    return { kind: 'created', isReplay: true, view: { link, version: 1, createdAt: first.occurredAt, updatedAt: first.occurredAt, doc: first.doc } }
  }

  /**
   * Changes fields of a link that stands at one of the versions given, or at any where that is undefined (If-Match: *).
   * @throws LinklogError link_not_found, link_deleted, version_stale, validation_failed, idempotency_key_reused, history_full, unavailable.
   */
  async edit (link: string, seen: readonly number[] | undefined, fields: EditFields, context: Context): Promise<CommandResult> {
    const key = context.idempotencyKey
    const eventId = key === undefined ? this.#options.newId() : derivedId('edit', context.actor, link, key)
    return await this.#exclusive(link, async () => {
      const state = await this.#options.read(link)
      const standing = viewOf(state)
      if (state === undefined || standing === undefined) throw new LinklogError('link_not_found', `There is no link ${link}`)
      if (key !== undefined && state.eventIds.includes(eventId)) return await this.#replayedEdit(link, eventId, fields)
      if (seen !== undefined && !seen.includes(standing.version)) throw stale(link, standing.version)
      if (standing.doc.deleted) throw new LinklogError('link_deleted', `${link} was deleted`)
      const doc = patchedDocument(standing.doc, fields, this.#options.ownHosts())
      if (sameDocument(doc, standing.doc)) return { kind: 'unchanged', view: standing }
      await this.#roomFor(link, state)
      const result = await this.#commit(link, {
        event_id: eventId,
        type: editType(standing.doc, doc),
        occurred_at: this.#options.now(),
        actor: context.actor,
        reason: fields.reason ?? null,
        base_version: standing.version,
        doc,
        valid_from: null,
        scheduled: null,
        reverted_to: null
      }, 'changed')
      if ('lostTo' in result) throw stale(link, result.lostTo?.version ?? standing.version + 1)
      return result
    })
  }

  async #replayedEdit (link: string, eventId: string, fields: EditFields): Promise<CommandResult> {
    const revisions = (await this.#options.history(link))?.revisions ?? []
    const index = revisions.findIndex(revision => revision.eventId === eventId)
    const [first, before, after] = [revisions[0], revisions[index - 1], revisions[index]]
    if (first === undefined || before === undefined || after === undefined) throw reused()
    if (!sameDocument(patchedDocument(before.doc, fields, this.#options.ownHosts()), after.doc) || after.reason !== (fields.reason ?? null)) throw reused()
    return { kind: 'changed', isReplay: true, view: { link, version: index + 1, createdAt: first.occurredAt, updatedAt: after.occurredAt, doc: after.doc } }
  }

  /** Writes the event and waits for the verdict. */
  async #commit (link: string, event: LinkEvent, kind: 'created' | 'changed'): Promise<CommandResult | { readonly lostTo: LinkView | undefined }> {
    const deadline = this.#options.now() + this.#options.confirmTimeoutMs
    await this.#options.write(link, event)
    const { outcome, state } = await this.#options.confirmation.of(link, event.event_id, event.base_version, deadline)
    if (outcome === 'pending') return { kind: 'pending', link, eventId: event.event_id }
    if (outcome === 'lost') return { lostTo: viewOf(state) }
    const createdAt = state?.createdAt ?? event.occurred_at
    const view = { link, version: event.base_version + 1, createdAt, updatedAt: event.occurred_at, doc: event.doc }
    this.#options.onChange(viewOf(state) ?? view)
    return { kind, view }
  }

  async #roomFor (link: string, state: LinkState | undefined): Promise<void> {
    if (state === undefined || state.attempts < attemptsUnmeasured) return
    const history = await this.#options.history(link)
    if (history !== undefined) checkHistory(history)
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
    if (key === undefined) return
    if (this.#recentKeys.size >= recentKeysMax) {
      const oldest = this.#recentKeys.keys().next()
      if (oldest.done !== true) this.#recentKeys.delete(oldest.value)
    }
    this.#recentKeys.set(eventId, link)
  }

  /** Where a link stands now. @throws LinklogError link_not_found. */
  async get (link: string): Promise<LinkView> {
    const view = viewOf(await this.#options.read(link))
    if (view === undefined) throw new LinklogError('link_not_found', `There is no link ${link}`)
    return view
  }

  /** Where these links stand now; one that does not exist is absent. */
  async getAll (links: readonly string[]): Promise<ReadonlyMap<string, LinkView>> {
    const views = await Promise.all(links.map(async link => viewOf(await this.#options.read(link))))
    return new Map(views.flatMap(view => view === undefined ? [] : [[view.link, view]]))
  }

  /** Everything that was ever written to a link. @throws LinklogError link_not_found. */
  async history (link: string): Promise<LinkHistory> {
    const history = await this.#options.history(link)
    if (history === undefined || history.attempts.length === 0) throw new LinklogError('link_not_found', `There is no link ${link}`)
    return history
  }
}

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
