// LinkEvent: what happened to a link, as schemas/link-events-value.avsc has it.

export const linkEventTypes = [
  'LinkCreated', 'LinkRetargeted', 'LinkEdited', 'LinkDisabled', 'LinkEnabled', 'LinkDeleted', 'LinkRestored', 'LinkReverted',
  'LinkEditScheduled', 'LinkScheduleCancelled'
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

/** The fields of a link that an edit can change. */
export const editableFields = [
  'url', 'title', 'tags', 'valid_from', 'valid_until', 'max_visits', 'redirect_status', 'forward_query', 'rules'
] as const satisfies ReadonlyArray<keyof LinkDoc>
export type EditableField = typeof editableFields[number]

/** Some fields of a link: those named in `fields` have their values here, null where the field is taken away; the others are null and stay as they stand. */
export type LinkChanges = { readonly fields: readonly EditableField[] } & { readonly [F in EditableField]: LinkDoc[F] | null }

/** An edit that takes effect by itself at `valid_from`. */
export interface ScheduledEdit {
  /** The LinkEditScheduled event that brought it. */
  readonly event_id: string
  readonly valid_from: number
  readonly changes: LinkChanges
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
  /** When the change takes effect, where that lies ahead; null: at once. */
  readonly valid_from: number | null
  /** The edits that lie ahead after the event; null where the writer did not know of them, and those of the revision before still do. */
  readonly scheduled: readonly ScheduledEdit[] | null
  /** The version whose fields were taken up again. */
  readonly reverted_to: number | null
}
