// DomainEvent: what happened to a domain, as schemas/domain-events-value.avsc has it.

export interface DomainEvent {
  readonly event_id: string
  readonly type: 'DomainSet' | 'DomainRemoved'
  readonly occurred_at: number
  readonly actor: string
  readonly reason: string | null
  readonly default_url: string | null
  readonly not_found_url: string | null
}
