// The shapes that requests and answers share: from them come validation, serialization and OpenAPI.
import { Type, type TSchema } from 'typebox'
import { errorCodes } from '../errors.js'
import { linkEventTypes } from '../events/link-event.js'
import { RulesBody } from './rule-schemas.js'

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
export const instant = (description: string) => Type.String({ format: 'date-time', description })

export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  instance: Type.String(),
  code: Type.Unsafe<string>({ type: 'string', enum: [...errorCodes], description: 'Stable: go by this, not by the words.' }),
  requestId: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() })))
}, { description: 'Problem details (RFC 9457)' })

/** Error answers for a route's statuses, as OpenAPI shows them. */
export const problems = <S extends number>(...statuses: readonly S[]) =>
  Object.fromEntries(statuses.map(status => [status, { description: 'Problem', content: { 'application/problem+json': { schema: Problem } } }])) as
    Record<S, { description: string, content: { 'application/problem+json': { schema: typeof Problem } } }>

const url = Type.String({ description: 'http or https, at most 2,048 characters, no credentials; kept in its normalised form', examples: ['https://example.com/a/page'] })
const title = Type.String({ maxLength: 200 })
const tags = Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 20 })
const maxVisits = Type.Integer({ minimum: 1, maximum: 1_000_000_000_000, description: 'Then the link is exhausted; robots are not counted' })
const redirectStatus = Type.Unsafe<number>({ type: 'integer', enum: [301, 302, 307, 308], description: '302 unless told otherwise' })
const forwardQuery = Type.Boolean({ description: 'Whether the query of the short URL is added to the target' })
export const reason = Type.String({ maxLength: 500, description: 'Why, for the history' })

/** What a link is made with and can be edited in; null is as good as left out, or takes the field away. */
const editable = {
  title: Type.Optional(nullable(title)),
  tags: Type.Optional(nullable(tags)),
  validFrom: Type.Optional(nullable(instant('The link redirects from here on'))),
  validUntil: Type.Optional(nullable(instant('The link redirects before this'))),
  maxVisits: Type.Optional(nullable(maxVisits)),
  redirectStatus: Type.Optional(nullable(redirectStatus)),
  forwardQuery: Type.Optional(nullable(forwardQuery)),
  rules: Type.Optional(nullable(RulesBody)),
  reason: Type.Optional(nullable(reason))
}

export const CreateLinkBody = Type.Object({
  url,
  slug: Type.Optional(Type.String({ description: '1 to 64 letters, digits, - and _. Without it a code is derived from the URL' })),
  domain: Type.Optional(nullable(Type.String({ maxLength: 255, description: 'A host set by PUT /api/domains/{host}; the default domain where it is left out' }))),
  ...editable
}, { additionalProperties: false })

export const PatchLinkBody = Type.Object({
  url: Type.Optional(url),
  ...editable,
  effectiveAt: Type.Optional(nullable(instant('The edit takes effect by itself at this instant, which lies ahead; without it at once')))
}, { additionalProperties: false, description: 'JSON merge patch (RFC 7396): null takes a field away' })

/** The body of a change that needs none. */
export const ReasonBody = nullable(Type.Object({ reason: Type.Optional(nullable(reason)) }, { additionalProperties: false }))
export const ReasonQuery = Type.Object({ reason: Type.Optional(reason) })

export const LinkParams = Type.Object({
  link: Type.String({ description: 'The slug; host%2Fslug on another domain than the default', minLength: 1, maxLength: 320 })
})

export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'The same key and content again give the same answer' }))
})

export const IfMatchHeader = (description: string) => Type.Object({ 'if-match': Type.Optional(Type.String({ description })) })

export const documentFields = {
  url: Type.String(),
  title: nullable(Type.String()),
  tags: Type.Array(Type.String()),
  enabled: Type.Boolean(),
  deleted: Type.Boolean(),
  validFrom: nullable(instant('')),
  validUntil: nullable(instant('')),
  maxVisits: nullable(Type.Integer()),
  redirectStatus: Type.Integer(),
  forwardQuery: Type.Boolean(),
  rules: Type.Array(Type.Object({
    url: Type.String(),
    conditions: Type.Array(Type.Object({ dimension: Type.String(), argument: nullable(Type.String()), operands: Type.Array(Type.String()) }))
  }))
}

/** The fields that an edit changes, as it will set them. */
const changes = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description: 'The fields that change, with the values that they take; null where one is taken away'
})

const scheduledEdit = {
  eventId: Type.String({ description: 'The event that scheduled it' }),
  effectiveAt: instant('When it takes effect'),
  changes
}

const scheduled = Type.Array(Type.Object(scheduledEdit), { description: 'Edits that lie ahead, in the order in which they take effect' })

export const Link = Type.Object({
  link: Type.String({ description: 'The key: the slug, or host/slug' }),
  slug: Type.String(),
  shortUrl: Type.String(),
  version: Type.Integer({ description: 'Also the ETag' }),
  ...documentFields,
  scheduled,
  createdAt: instant(''),
  updatedAt: instant('When the version was made')
})

export const Scheduled = Type.Object({
  link: Type.String(),
  version: Type.Integer(),
  scheduled: Type.Array(Type.Object({
    ...scheduledEdit,
    actor: nullable(Type.String()),
    reason: nullable(Type.String()),
    scheduledAt: nullable(instant(''))
  }))
})

const eventType = Type.Unsafe<string>({ type: 'string', enum: [...linkEventTypes] })

export const Revisions = Type.Object({
  link: Type.String(),
  version: Type.Integer(),
  revisions: Type.Array(Type.Object({
    version: Type.Integer(),
    eventId: Type.String(),
    type: eventType,
    occurredAt: instant(''),
    actor: Type.String(),
    reason: nullable(Type.String()),
    baseVersion: Type.Integer(),
    difference: nullable(Type.Array(Type.Object({
      field: Type.String(),
      from: Type.Unknown(),
      to: Type.Unknown()
    }), { description: 'What it changed, against the revision before; null for the first' })),
    effectiveAt: nullable(instant('When a scheduled edit takes effect')),
    revertedTo: nullable(Type.Integer({ description: 'The version whose fields were taken up again' })),
    ...documentFields,
    scheduled
  })),
  next: nullable(Type.Integer({ description: 'The version that the next page begins `from`; null at the end' })),
  rejected: Type.Optional(Type.Array(Type.Object({
    eventId: Type.String(),
    type: eventType,
    occurredAt: instant(''),
    actor: Type.String(),
    baseVersion: Type.Integer({ description: 'The version that it was written for' }),
    versionThen: Type.Integer({ description: 'The version at which the link stood when its turn came' }),
    lostTo: nullable(Type.String({ description: 'The event that had taken its place' })),
    explanation: Type.String()
  }), { description: 'With includeRejected: events that were ignored, in the order of the log, and why' }))
})

export const Pending = Type.Object({
  status: Type.Literal('pending'),
  link: Type.String(),
  eventId: Type.String(),
  statusUrl: Type.String()
}, { description: 'The event is on the log, but the views have not answered in time: ask at statusUrl' })

export const EventStatus = Type.Object({
  eventId: Type.String(),
  link: Type.String(),
  status: Type.Unsafe<'accepted' | 'rejected'>({ type: 'string', enum: ['accepted', 'rejected'] }),
  version: nullable(Type.Integer({ description: 'The version that it made' })),
  explanation: nullable(Type.String())
})

export const UrlVisits = Type.Object({
  url: Type.String({ description: 'In its normalised form' }),
  total: Type.Integer(),
  withoutBots: Type.Integer(),
  firstVisit: nullable(instant('')),
  lastVisit: nullable(instant(''))
})
