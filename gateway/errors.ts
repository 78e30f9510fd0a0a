// One catalogue of every error that a client can meet: code, status and title. Tests and clients go by code, never by message.

export interface FieldError {
  /** JSON pointer into the body, or a parameter's name. */
  readonly pointer: string
  readonly detail: string
}

const catalogue = {
  invalid_json: [400, 'The body is not JSON'],
  invalid_request: [400, 'The request is not valid'],
  invalid_host: [400, 'The host in the path is not valid'],
  invalid_link: [400, 'The link in the path is not valid'],
  key_required: [401, 'An API key is required'],
  key_invalid: [401, 'The API key is not valid'],
  scope_missing: [403, 'The API key may not do this'],
  outside_restriction: [403, 'The API key does not reach this link'],
  not_found: [404, 'There is nothing here'],
  link_not_found: [404, 'There is no such link'],
  domain_not_found: [404, 'There is no such domain'],
  webhook_not_found: [404, 'There is no such webhook'],
  key_not_found: [404, 'There is no such API key'],
  event_not_found: [404, 'There is no such event on this link'],
  version_not_found: [404, 'The link did not stand then'],
  scheduled_edit_not_found: [404, 'No such edit lies ahead'],
  method_not_allowed: [405, 'The method is not allowed here'],
  request_timeout: [408, 'The request took too long to arrive'],
  slug_taken: [409, 'The slug is taken'],
  history_full: [409, 'The link has reached the length of history that is kept'],
  limit_reached: [409, 'There are as many as the service takes'],
  schedule_full: [409, 'The link has as many scheduled edits as it can have'],
  link_expired: [410, 'The link is outside its time window'],
  link_disabled: [410, 'The link is switched off'],
  link_deleted: [410, 'The link was deleted'],
  link_exhausted: [410, 'The link has had all its visits'],
  link_blocked: [410, 'The link is blocked'],
  version_stale: [412, 'The link has changed since'],
  body_too_large: [413, 'The body is too large'],
  uri_too_long: [414, 'The path is too long'],
  unsupported_media_type: [415, 'The body must be JSON'],
  validation_failed: [422, 'The body breaks a rule'],
  idempotency_key_reused: [422, 'The Idempotency-Key was used for another request'],
  question_too_large: [422, 'The question takes too much to answer'],
  if_match_required: [428, 'If-Match is required'],
  too_many_requests: [429, 'Too many requests'],
  headers_too_large: [431, 'The header fields are too large'],
  internal_error: [500, 'Something went wrong here'],
  unavailable: [503, 'The log or its views do not answer'],
  overloaded: [503, 'Too much is waiting here']
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ErrorCode = keyof typeof catalogue
export const errorCodes = Object.keys(catalogue) as ErrorCode[]

/** An error with an answer: status and title come from its code. */
export class LinklogError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  readonly errors: readonly FieldError[] | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor (code: ErrorCode, detail?: string, more: { errors?: readonly FieldError[], headers?: Record<string, string>, cause?: unknown } = {}) {
    super(detail ?? catalogue[code][1], { cause: more.cause })
    this.name = 'LinklogError'
    this.code = code
    this.status = catalogue[code][0]
    this.title = catalogue[code][1]
    this.errors = more.errors
    this.headers = more.headers ?? {}
  }
}

/** A 422 about one field of the body. */
export const invalidField = (pointer: string, detail: string): LinklogError =>
  new LinklogError('validation_failed', detail, { errors: [{ pointer, detail }] })

/** RFC 9457 problem details; a server error keeps its detail to the log. */
export const toProblem = (error: LinklogError, requestId: string, instance: string) => ({
  type: `urn:linklog:error:${error.code}`,
  title: error.title,
  status: error.status,
  ...(error.status === 500 ? {} : { detail: error.message }),
  instance,
  code: error.code,
  requestId,
  ...(error.errors === undefined ? {} : { errors: error.errors })
})
