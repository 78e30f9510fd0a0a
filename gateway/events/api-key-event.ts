// ApiKeyEvent: what happened to an API key, as schemas/api-key-events-value.avsc has it.

export const apiKeyEventTypes = ['ApiKeyCreated', 'ApiKeyRevoked'] as const

export interface ApiKeyEvent {
  readonly event_id: string
  readonly type: typeof apiKeyEventTypes[number]
  readonly occurred_at: number
  readonly actor: string
  readonly reason: string | null
  readonly name: string
  readonly secret_sha256: string
  readonly scopes: readonly string[]
  readonly domains: readonly string[]
  readonly tags: readonly string[]
  readonly expires_at: number | null
}
