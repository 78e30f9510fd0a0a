// Visit: somebody asked for a short link, as schemas/visits-value.avsc has it.

export const outcomes = ['redirected', 'not_found', 'expired', 'disabled', 'deleted', 'exhausted', 'blocked', 'viewed'] as const
export type Outcome = typeof outcomes[number]
/** Outcomes that led nowhere: viewed is not among them, since the link's tracking pixel was shown. */
export type Refusal = Exclude<Outcome, 'redirected' | 'viewed'>

export interface Visit {
  readonly visit_id: string
  readonly version: number
  readonly url: string | null
  readonly outcome: Outcome
  readonly visited_at: number
  readonly referrer: string | null
  readonly device: string
  readonly browser: string
  readonly os: string
  readonly country: string | null
  readonly language: string | null
  /** The visitor's id where nothing is sealed, as the first versions wrote it; else a token that visitors are counted by. */
  readonly visitor: string
  readonly bot: boolean
  /** The place, from 1, of the redirect rule that decided; null where none did. */
  readonly rule: number | null
  /** The visitor's id, as gateway/erasure/seal.ts has it. */
  readonly sealed: Buffer | null
}
