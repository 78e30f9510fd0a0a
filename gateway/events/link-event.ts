// LinkEvent: what happened to a link, as schemas/link-events-value.avsc has it.

export const linkEventTypes = [
  'LinkCreated', 'LinkRetargeted', 'LinkEdited', 'LinkDisabled', 'LinkEnabled', 'LinkDeleted', 'LinkRestored', 'LinkReverted'
] as const
export type LinkEventType = typeof linkEventTypes[number]

export interface RuleCondition { readonly dimension: string, readonly argument: string | null, readonly operands: readonly string[] }
export interface RedirectRule { readonly url: string, readonly conditions: readonly RuleCondition[] }

/** The whole state of a link. Instants are milliseconds since 1970. */
export interface LinkDoc {
  readonly url: string
  readonly title: string | null
  readonly tags: readonly string[]
  readonly enabled: boolean
  readonly deleted: boolean
  readonly valid_from: number | null
  readonly valid_until: number | null
  readonly max_visits: number | null
  readonly redirect_status: number
  readonly forward_query: boolean
  readonly rules: readonly RedirectRule[]
}

export interface LinkEvent {
  readonly event_id: string
  readonly type: LinkEventType
  readonly occurred_at: number
  readonly actor: string
  readonly reason: string | null
  /** The version that the writer had seen: the event is accepted when it is the number of revisions accepted before. */
  readonly base_version: number
  readonly doc: LinkDoc
}
