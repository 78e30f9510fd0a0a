// The shapes of questions about visits and of their answers.
import { Type, type TOptional } from 'typebox'
import { outcomes } from '../events/visit.js'
import { units } from '../visits/calendar.js'
import { botChoices, bucketsMax, dimensions, groupings, noValue, valuesMax, type Bots, type Dimension, type Several } from '../visits/question.js'
import { instant, nullable } from './schemas.js'

const oneOf = <T extends string>(values: readonly T[], description: string) => Type.Unsafe<T>({ type: 'string', enum: [...values], description })
const several = (description: string) => Type.Unsafe<Several>({
  anyOf: [{ type: 'string', maxLength: 500 }, { type: 'array', items: { type: 'string', maxLength: 500 }, maxItems: valuesMax }], description
})

const filterFields = Object.fromEntries(dimensions.flatMap(dimension => [
  [dimension, Type.Optional(several(`Only visits with this ${dimension}, or one of several; ${noValue(dimension)} where there is none`))],
  [`${dimension}Not`, Type.Optional(several(`No visits with this ${dimension}`))]
])) as Record<Dimension | `${Dimension}Not`, TOptional<ReturnType<typeof several>>>

/** What is asked of visits, whichever they are. */
export const questionFields = {
  by: Type.Optional(oneOf(units, `Adds a series: at most ${bucketsMax} hours, days, weeks (ISO, from Monday) or months of the zone`)),
  zone: Type.Optional(Type.String({ maxLength: 64, description: 'A time zone of the IANA database, such as Europe/Zurich; UTC unless told otherwise' })),
  from: Type.Optional(instant('Put back to where its bucket begins; without a series, to a quarter of an hour')),
  to: Type.Optional(instant('Not included; put forward to where its bucket ends')),
  bots: Type.Optional(oneOf<Bots>(botChoices, 'Whether robots are counted: exclude unless told otherwise')),
  group: Type.Optional(several(`Breakdowns, by any of ${groupings.join(', ')}; separated by commas`)),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Values in each breakdown: 100 unless told otherwise' })),
  ...filterFields
}

const totals = {
  total: Type.Integer({ description: 'Visits that were redirected, robots too, since the beginning' }),
  withoutBots: Type.Integer(),
  firstVisit: nullable(instant('')),
  lastVisit: nullable(instant(''))
}

const visitors = nullable(Type.Integer({
  description: 'About how many, without robots: the sum over the days (UTC) that begin in the period. Null where none does, and with filters or bots=only'
}))

const answers = {
  period: Type.Optional(Type.Object({
    from: instant('As it was counted'),
    to: instant('Not included'),
    zone: Type.String(),
    bots: Type.String(),
    visits: Type.Integer({ description: 'Those that bots and the filters leave' }),
    visitors,
    unclassified: Type.Integer({ description: 'Visits of which the tables tell no more than that they were: (other) in breakdowns, and passed over where there are filters' })
  })),
  series: Type.Optional(Type.Object({
    by: Type.String(),
    zone: Type.String(),
    from: instant('The start of the first bucket asked for'),
    to: instant('The end of the last'),
    buckets: Type.Array(Type.Object({
      start: instant('With the offset of the zone'),
      visits: Type.Integer(),
      total: Type.Integer(),
      withoutBots: Type.Integer(),
      visitors: Type.Optional(visitors)
    }), { description: 'Those with visits, in order' })
  })),
  breakdowns: Type.Optional(Type.Array(Type.Object({
    by: Type.String(),
    values: Type.Array(Type.Object({ value: Type.String(), visits: Type.Integer() }), { description: 'The most frequent first' }),
    more: Type.Object({ values: Type.Integer(), visits: Type.Integer() }, { description: 'How much lies behind the limit' })
  })))
}

const counts = (of: string) => Type.Record(Type.String(), Type.Integer(), { description: `Visits without bots by ${of}` })

export const LinkVisits = Type.Object({
  link: Type.String(),
  ...totals,
  visitors: Type.Integer({ description: 'About how many, without bots; one who comes on two days counts twice' }),
  referrers: counts('host of the referrer, or (direct)'),
  browsers: counts('browser'),
  os: counts('operating system'),
  devices: counts('device'),
  countries: counts('country, or (unknown)'),
  views: Type.Object({ total: Type.Integer(), withoutBots: Type.Integer() }, { description: 'How often the tracking pixel was shown: not among the visits' }),
  ...answers
})

export const Visits = Type.Object({
  links: Type.Optional(Type.Array(Type.String(), { description: 'Those asked for, or those that have the tag now' })),
  tag: Type.Optional(Type.String()),
  domain: Type.Optional(Type.String()),
  ...totals,
  ...answers
})

/** Which visits are meant; none of the three is all. */
export const scopeFields = {
  links: Type.Optional(Type.String({ minLength: 1, maxLength: 12_000, description: 'Links separated by commas, at most 1,000' })),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 50, description: 'All links that have this tag now, at most 1,000' })),
  domain: Type.Optional(Type.String({ minLength: 1, maxLength: 260, description: 'All links of a host; default is the domain of links without one' }))
}

export const OrphansQuery = Type.Object({
  outcome: Type.Optional(oneOf(outcomes.filter(outcome => outcome !== 'redirected' && outcome !== 'viewed'), 'Only those that were answered so')),
  domain: scopeFields.domain,
  bots: Type.Optional(oneOf<'exclude' | 'include'>(['exclude', 'include'], 'Whether slugs that only robots asked for are told: include unless told otherwise')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  cursor: Type.Optional(Type.String({ maxLength: 1_000, description: 'next of the page before' }))
}, { additionalProperties: false })

export const Orphans = Type.Object({
  slugs: Type.Integer({ description: 'How many there are behind the cursor, those of this page included' }),
  orphans: Type.Array(Type.Object({
    slug: Type.String(),
    outcome: Type.String(),
    total: Type.Integer(),
    withoutBots: Type.Integer(),
    firstVisit: instant(''),
    lastVisit: instant('')
  }), { description: 'Those asked for most first' }),
  next: nullable(Type.String({ description: 'The cursor of the next page' }))
})

const VisitEvent = Type.Object({
  id: Type.String(),
  link: Type.String(),
  version: Type.Integer({ description: 'Of the link, when it was visited' }),
  rule: nullable(Type.Integer({ description: 'The redirect rule that decided, from 1' })),
  url: nullable(Type.String()),
  outcome: Type.String(),
  visitedAt: instant(''),
  referrer: nullable(Type.String()),
  device: nullable(Type.String()),
  browser: nullable(Type.String()),
  os: nullable(Type.String()),
  country: nullable(Type.String()),
  language: nullable(Type.String()),
  visitor: nullable(Type.String({ description: 'The same for one visitor throughout a day (UTC)' })),
  bot: Type.Boolean(),
  erased: Type.Boolean({ description: 'Whether who came was erased: visitor, referrer, device, browser, os, country and language are null' }),
  partition: Type.Integer(),
  offset: Type.Integer({ description: 'In the partition of the topic visits' })
})

export const EventsQuery = Type.Object({
  from: Type.Optional(instant('')),
  to: Type.Optional(instant('Not included')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: '100 unless told otherwise' })),
  cursor: Type.Optional(Type.String({ pattern: '^\\d{1,15}-\\d{1,16}$', description: 'next of the page before' }))
}, { additionalProperties: false })

export const VisitEvents = Type.Object({
  link: Type.String(),
  visits: Type.Array(VisitEvent, { description: 'By the hour in which they were made, the newest first, and within it by their place on the log' }),
  next: nullable(Type.String({ description: 'The cursor of the next page; there may be one behind a page that is not full' }))
})

export const LiveQuery = Type.Object({
  bots: Type.Optional(oneOf<Bots>(botChoices, 'Whether robots are told: include unless told otherwise'))
}, { additionalProperties: false })

export const LiveHeaders = Type.Object({
  'last-event-id': Type.Optional(Type.String({ maxLength: 4_000, description: 'The id of the last event seen, as browsers send it' }))
})

const counted = {
  total: Type.Integer(), withoutBots: Type.Integer(),
  records: Type.Optional(Type.Integer({ description: 'Visits whatever they were answered, but for not_found' })),
  firstVisit: Type.Optional(nullable(instant(''))), lastVisit: Type.Optional(nullable(instant('')))
}

export const Verification = Type.Object({
  link: Type.String(),
  complete: Type.Boolean({ description: 'Whether the log was read to its end in time; if not, nothing is compared' }),
  equal: nullable(Type.Boolean()),
  log: Type.Object({ partition: Type.Integer(), offset: Type.Integer({ description: 'Behind the last record that was read' }), ...counted }),
  tables: nullable(Type.Record(Type.String(), Type.Object({
    ...counted
  }))),
  differences: Type.Array(Type.Object({ table: Type.String(), field: Type.String(), log: nullable(Type.Number()), found: nullable(Type.Number()) }))
})
