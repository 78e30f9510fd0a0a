// The commands on webhooks, and which deliveries run on this gateway: one for each webhook that is switched on.
import { LinklogError } from '../errors.js'
import type { WebhookEvent, WebhookEventType } from '../events/webhook-event.js'
import type { Webhook } from '../queries/webhooks.js'

export interface NewWebhook extends Pick<Webhook, 'url' | 'types' | 'tags' | 'domains'> {}

export interface Running { readonly stop: () => Promise<void> }

export interface WebhookServiceOptions {
  readonly load: () => Promise<readonly Webhook[]>
  readonly write: (id: string, event: WebhookEvent) => Promise<void>
  /** Makes the changes from now on those that the webhook's group begins with. */
  readonly beginAtEnd: (id: string) => Promise<void>
  readonly run: (webhook: () => Webhook, onGivenUp: (why: string) => Promise<void>) => Promise<Running>
  readonly newId: () => string
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** Each takes a consumer of its own. */
export const webhooksMax = 50

const byDelivery = 'delivery'

export class WebhookService {
  readonly #options: WebhookServiceOptions
  readonly #webhooks = new Map<string, Webhook>()
  readonly #running = new Map<string, Promise<Running | undefined>>()
  #closed = false

  constructor (options: WebhookServiceOptions) {
    this.#options = options
  }

  /** Reads all webhooks, and runs those that are on. */
  async refresh (): Promise<void> {
    for (const webhook of await this.#options.load()) this.changed(webhook)
  }

  all (): readonly Webhook[] {
    return [...this.#webhooks.values()].filter(({ deletedAt }) => deletedAt === null).sort((a, b) => a.createdAt - b.createdAt)
  }

  /** @throws LinklogError webhook_not_found. */
  get (id: string): Webhook {
    const webhook = this.#webhooks.get(id)
    if (webhook === undefined || webhook.deletedAt !== null) throw new LinklogError('webhook_not_found', `There is no webhook ${id}`)
    return webhook
  }

  /** A webhook as the feed, a read or a write of this gateway shows it; older news changes nothing. */
  changed (webhook: Webhook): void {
    const held = this.#webhooks.get(webhook.id)
    if (held !== undefined && (held.updatedAt > webhook.updatedAt || held.deletedAt !== null)) return
    this.#webhooks.set(webhook.id, webhook)
    if (webhook.enabled && webhook.deletedAt === null && !this.#closed) this.#start(webhook.id)
    else this.#end(webhook.id)
  }

  #start (id: string): void {
    if (this.#running.has(id)) return
    this.#running.set(id, this.#options.run(() => this.#webhooks.get(id) as Webhook, async why => await this.#giveUp(id, why)).catch((error: unknown) => {
      this.#options.onError(error)
      this.#running.delete(id) // the next refresh tries again
      return undefined
    }))
  }

  #end (id: string): void {
    const running = this.#running.get(id)
    this.#running.delete(id)
    running?.then(async one => await one?.stop()).catch(this.#options.onError)
  }

  async #giveUp (id: string, why: string): Promise<void> {
    const webhook = this.#webhooks.get(id)
    if (webhook?.deletedAt === null) await this.#write({ ...webhook, enabled: false }, 'WebhookDisabled', byDelivery, why).catch(this.#options.onError)
  }

  async #write (webhook: Webhook, type: WebhookEventType, actor: string, reason: string | null): Promise<Webhook> {
    const at = Math.max(this.#options.now(), webhook.updatedAt + 1)
    await this.#options.write(webhook.id, {
      event_id: this.#options.newId(), type, occurred_at: at, actor, reason,
      url: webhook.url, types: webhook.types, tags: webhook.tags, domains: webhook.domains,
      enabled: webhook.enabled, secret_generation: webhook.secretGeneration, secret_since: webhook.secretSince
    })
    const written = { ...webhook, reason, updatedAt: at, deletedAt: type === 'WebhookDeleted' ? at : webhook.deletedAt }
    this.changed(written)
    return written
  }

  /** Makes a webhook that is told of changes from now on. @throws LinklogError limit_reached, unavailable. */
  async create (asked: NewWebhook, actor: string): Promise<Webhook> {
    if (this.all().length >= webhooksMax) throw new LinklogError('limit_reached', `There are ${webhooksMax} webhooks`)
    const id = this.#options.newId()
    await this.#options.beginAtEnd(id)
    const now = this.#options.now()
    const made = { ...asked, id, enabled: true, secretGeneration: 1, secretSince: now, createdAt: now, updatedAt: now - 1, reason: null, deletedAt: null }
    return await this.#write(made, 'WebhookCreated', actor, null)
  }

  /** A new secret; the one before signs beside it for a day. @throws LinklogError webhook_not_found, unavailable. */
  async rotate (id: string, actor: string): Promise<Webhook> {
    const webhook = this.get(id)
    return await this.#write({ ...webhook, secretGeneration: webhook.secretGeneration + 1, secretSince: this.#options.now() }, 'WebhookSecretRotated', actor, null)
  }

  /** Goes on where it stopped. @throws LinklogError webhook_not_found, unavailable. */
  async enable (id: string, actor: string): Promise<Webhook> {
    const webhook = this.get(id)
    return webhook.enabled ? webhook : await this.#write({ ...webhook, enabled: true }, 'WebhookEnabled', actor, null)
  }

  /** @throws LinklogError webhook_not_found, unavailable. */
  async delete (id: string, actor: string): Promise<void> {
    await this.#write({ ...this.get(id), enabled: false }, 'WebhookDeleted', actor, null)
  }

  async close (): Promise<void> {
    this.#closed = true
    const running = [...this.#running.values()]
    this.#running.clear()
    await Promise.allSettled(running.map(async one => await (await one)?.stop()))
  }
}
