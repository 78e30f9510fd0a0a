// The commands on keys: make one, whose text is shown this once, and revoke one.
import { LinklogError } from '../errors.js'
import type { ApiKeyEvent } from '../events/api-key-event.js'
import type { ApiKey } from '../queries/api-keys.js'
import type { KeyRing } from './key-ring.js'
import { newKeyText } from './key-text.js'
import type { Scope } from './scopes.js'

export interface NewKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly domains: readonly string[]
  readonly tags: readonly string[]
  readonly expiresAt: number | null
}

/** Every gateway holds all keys, revoked ones too. */
export const keysMax = 10_000

const toEvent = (key: ApiKey, more: Pick<ApiKeyEvent, 'event_id' | 'type' | 'occurred_at' | 'actor' | 'reason'>): ApiKeyEvent => ({
  ...more,
  name: key.name,
  secret_sha256: key.secretSha256,
  scopes: key.scopes,
  domains: key.domains,
  tags: key.tags,
  expires_at: key.expiresAt
})

export interface KeyMakerOptions {
  readonly newId: () => string
  readonly randomBytes: (size: number) => Buffer
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A new key, its text, and the event that makes it known. */
export const makeKey = (asked: NewKey, actor: string, { newId, randomBytes, now }: KeyMakerOptions): { key: ApiKey, text: string, event: ApiKeyEvent } => {
  const { id, text, sha256 } = newKeyText(randomBytes)
  const at = now()
  const key: ApiKey = { ...asked, id, secretSha256: sha256, createdAt: at, createdBy: actor, revokedAt: null, revokedBy: null }
  return { key, text, event: toEvent(key, { event_id: newId(), type: 'ApiKeyCreated', occurred_at: at, actor, reason: null }) }
}

export interface KeyServiceOptions extends KeyMakerOptions {
  readonly ring: KeyRing
  readonly write: (id: string, event: ApiKeyEvent) => Promise<void>
}

export class KeyService {
  readonly #options: KeyServiceOptions

  constructor (options: KeyServiceOptions) {
    this.#options = options
  }

  /** Makes a key, good on this gateway from now on and on the others a moment later. @throws LinklogError limit_reached, unavailable. */
  async create (asked: NewKey, actor: string): Promise<{ readonly key: ApiKey, readonly text: string }> {
    const { ring, write } = this.#options
    await ring.fresh()
    if (ring.size >= keysMax) throw new LinklogError('limit_reached', `There are ${keysMax} keys, revoked ones included: no more can be made`)
    const { key, text, event } = makeKey(asked, actor, this.#options)
    await write(key.id, event)
    ring.changed(key)
    return { key, text }
  }

  /** Ends a key for good; one that was revoked before stays as it is. @throws LinklogError key_not_found, unavailable. */
  async revoke (id: string, actor: string, reason: string | null): Promise<ApiKey> {
    const key = await this.get(id)
    if (key.revokedAt !== null) return key
    const at = this.#options.now()
    await this.#options.write(id, toEvent(key, { event_id: this.#options.newId(), type: 'ApiKeyRevoked', occurred_at: at, actor, reason }))
    const revoked = { ...key, revokedAt: at, revokedBy: actor }
    this.#options.ring.changed(revoked)
    return revoked
  }

  /** @throws LinklogError key_not_found. */
  async get (id: string): Promise<ApiKey> {
    await this.#options.ring.fresh()
    const key = this.#options.ring.get(id)
    if (key === undefined) throw new LinklogError('key_not_found', `There is no key ${id}`)
    return key
  }

  /** Every key, the oldest first. */
  async all (): Promise<readonly ApiKey[]> {
    await this.#options.ring.fresh()
    return this.#options.ring.all()
  }
}
