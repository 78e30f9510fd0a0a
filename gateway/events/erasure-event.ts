// ErasureEvent: who came on some visits was erased, as schemas/erasure-events-value.avsc has it.

export type ErasureEventType = 'LinkVisitsErased' | 'VisitorErased'

export interface ErasureEvent {
  readonly event_id: string
  readonly type: ErasureEventType
  readonly occurred_at: number
  readonly actor: string
  readonly reason: string | null
  readonly link: string | null
  readonly period_from: number
  readonly period_to: number
  readonly visits: number
  readonly links: number
  readonly unsealed: number
}
