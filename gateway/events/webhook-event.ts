// WebhookEvent: what happened to a webhook, as schemas/webhook-events-value.avsc has it.

export type WebhookEventType = 'WebhookCreated' | 'WebhookSecretRotated' | 'WebhookEnabled' | 'WebhookDisabled' | 'WebhookDeleted'

export interface WebhookEvent {
  readonly event_id: string
  readonly type: WebhookEventType
  readonly occurred_at: number
  readonly actor: string
  readonly reason: string | null
  readonly url: string
  readonly types: readonly string[]
  readonly tags: readonly string[]
  readonly domains: readonly string[]
  readonly enabled: boolean
  readonly secret_generation: number
  readonly secret_since: number
}
