// POST /api/links/{link}/rules/try: where a described request would go and why, and how the visits of a past period would have been spread.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { grants } from '../access/scopes.js'
import { LinklogError } from '../errors.js'
import type { RedirectRule } from '../events/link-event.js'
import { RuleRequestFacts } from '../links/rule-facts.js'
import { explainRules, spreadOf } from '../links/rule-trial.js'
import { standingAt } from '../links/view.js'
import { targetOf } from '../queries/links.js'
import { decide } from '../redirect/decision.js'
import { dayMs, quarterMs } from '../visits/calendar.js'
import { refuse } from '../visits/question.js'
import type { VisitQuestions } from '../visits/questions.js'
import { caveatsOf, Replay } from '../visits/replay.js'
import { linkKey } from './link-answers.js'
import { RulesBody } from './rule-schemas.js'
import { LinkParams, nullable, problems } from './schemas.js'
import { iso } from '../instant.js'

export interface RuleRoutesOptions { readonly questions: VisitQuestions, readonly now: () => number }

const TryBody = Type.Object({
  userAgent: Type.Optional(Type.String({ maxLength: 1_024 })),
  language: Type.Optional(Type.String({ maxLength: 256, description: 'As Accept-Language has it' })),
  country: Type.Optional(Type.String({ maxLength: 2, description: 'ISO 3166-1 alpha-2' })),
  query: Type.Optional(Type.String({ maxLength: 2_048, description: 'What follows the ? of the short URL' })),
  at: Type.Optional(Type.String({ format: 'date-time', description: 'Now unless told otherwise' })),
  address: Type.Optional(Type.String({ maxLength: 64, description: 'Without it a percentage split is told in shares. Kept nowhere' })),
  rules: Type.Optional(nullable(RulesBody))
}, { additionalProperties: false })

const TryQuery = Type.Object({
  replay: Type.Optional(Type.Boolean({ description: 'Tell how visits of a past period would have been spread' })),
  from: Type.Optional(Type.String({ format: 'date-time', description: '30 days before to unless told otherwise; put back to a quarter of an hour' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Not included; now unless told otherwise' })),
  bots: Type.Optional(Type.Unsafe<'exclude' | 'include'>({ type: 'string', enum: ['exclude', 'include'], description: 'Robots are left out unless told otherwise' }))
}, { additionalProperties: false })

const place = nullable(Type.Integer({ description: 'From 1; null: none, so the link\'s own URL' }))
const holds = nullable(Type.Boolean({ description: 'null: not known, for a percentage without an address' }))

const Trial = Type.Object({
  link: Type.String(),
  version: Type.Integer(),
  outcome: Type.String({ description: 'What the link would answer, but for the count of its visits' }),
  isDecided: Type.Boolean({ description: 'False where a percentage decides and no address was given' }),
  rule: place,
  url: nullable(Type.String({ description: 'Where the request would be led, with its query where that goes along' })),
  shares: Type.Array(Type.Object({ rule: place, url: Type.String(), share: Type.Number() }), { description: 'Which part of such visitors goes where' }),
  rules: Type.Array(Type.Object({
    url: Type.String(),
    holds,
    conditions: Type.Array(Type.Object({ dimension: Type.String(), argument: nullable(Type.String()), operands: Type.Array(Type.String()), holds }))
  })),
  replay: Type.Optional(Type.Object({
    from: Type.String({ format: 'date-time' }),
    to: Type.String({ format: 'date-time' }),
    visits: Type.Integer({ description: 'That the link redirected in the period, and that the tables tell apart' }),
    unclassified: Type.Integer({ description: 'Visits of which the tables tell no more than that they were: not among the above' }),
    targets: Type.Array(Type.Object({
      rule: place,
      url: Type.String(),
      visits: Type.Number({ description: 'To be expected: a fraction where a percentage splits' }),
      undecided: Type.Number({ description: 'Visits that would come to this rule and meet all that can be answered; counted where they would go if the rest is not met' })
    })),
    caveats: Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }), { description: 'Conditions that recorded visits cannot answer, or not whole' })
  }))
})

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

const periodOf = ({ from, to }: { readonly from?: string, readonly to?: string }, now: number): readonly [from: number, to: number] => {
  const end = to === undefined ? now + 1 : Date.parse(to)
  const start = from === undefined ? end - 30 * dayMs : Date.parse(from)
  if (start >= end) throw refuse('from', 'must be earlier than to')
  return [Math.floor(start / quarterMs) * quarterMs, Math.ceil(end / quarterMs) * quarterMs]
}

interface Asked {
  readonly link: string
  readonly url: string
  readonly rules: readonly RedirectRule[]
  readonly period: readonly [from: number, to: number]
  readonly withBots: boolean
}

const replayOf = async (questions: VisitQuestions, { link, url, rules, period: [from, to], withBots }: Asked) => {
  const replay = new Replay(rules)
  await questions.cells(link, from, to, (_, start, values, bot, count) => {
    if (withBots || !bot) replay.add(values, start, count)
  }, (_, start, people, bots) => { replay.unclassified += people + (withBots ? bots : 0) })
  const targets = rules.map((rule, index) => ({
    rule: index + 1, url: rule.url, visits: rounded(replay.visits[index] ?? 0), undecided: rounded(replay.undecided[index] ?? 0)
  }))
  return {
    from: iso(from),
    to: iso(to),
    visits: replay.total,
    unclassified: replay.unclassified,
    targets: [...targets, { rule: null, url, visits: rounded(replay.rest), undecided: 0 }],
    caveats: [...caveatsOf(rules)]
  }
}

/** Visits are another scope than links: a key that may not ask for them may not ask for this, either. */
const checkVisitsScope = (request: FastifyRequest): void => {
  if (request.key !== null && !grants(request.key.scopes, 'visits:read')) throw new LinklogError('scope_missing', 'This key lacks the scope visits:read, which a replay asks for')
}

export const ruleRoutes: FastifyPluginAsyncTypebox<RuleRoutesOptions> = async (app, { questions, now }) => {
  app.post('/api/links/:link/rules/try', {
    schema: {
      tags: ['links'],
      summary: 'Try redirect rules',
      description: 'Where a described request would go and why, by the rules that stand or by those in the body. Nothing is changed, and it is no visit.',
      params: LinkParams,
      querystring: TryQuery,
      body: TryBody,
      response: { 200: Trial, ...problems(400, 403, 404, 413, 415, 422, 503) }
    }
  }, async request => {
    const { replay = false, bots, ...ends } = request.query
    const { rules: candidates, query = '', at: atText, userAgent, language, country, address } = request.body
    if (replay) checkVisitsScope(request)
    else if (ends.from !== undefined || ends.to !== undefined) throw refuse('replay', 'must be true where from or to is given')
    const at = atText === undefined ? now() : Date.parse(atText)
    const standing = await app.links.get(linkKey(request.params.link))
    const { link, version, doc } = standingAt(standing, at)
    const rules = candidates === undefined || candidates === null ? doc.rules : app.links.rulesOf(candidates)
    const facts = { userAgent, language, country, address, query: query.replace(/^\?/, '') }
    const asked = new RuleRequestFacts({ ...facts, link, at }, app.visitorDraw)
    const decision = decide(targetOf(link, version, { ...doc, rules }, []), { ...facts, draw: app.visitorDraw }, at, app.blocklist)
    const explained = explainRules(rules, asked)
    // the first rule that could hold is certain where it does: what stands before it does not
    const first = explained.find(one => one.holds !== false)
    const isDecided = first === undefined || first.holds === true
    const spread = spreadOf(rules, new RuleRequestFacts({ ...facts, link, at, address: undefined }, app.visitorDraw))
    const decided = decision.rule ?? null
    const ruled = rules.map((rule, index) => ({ rule: index + 1, url: rule.url, share: spread.rules[index] ?? 0 }))
    const parts = [...ruled, { rule: null, url: doc.url, share: spread.rest }]
    const period = replay ? periodOf(ends, now()) : undefined
    return {
      link,
      version,
      outcome: decision.outcome,
      isDecided,
      rule: isDecided ? decided : null,
      url: isDecided ? decision.location : null,
      shares: parts.map(part => ({ ...part, share: rounded(isDecided ? Number(part.rule === decided) : part.share) })).filter(({ share }) => share > 0),
      rules: explained.map(rule => ({ ...rule, conditions: rule.conditions.map(one => ({ ...one, operands: [...one.operands] })) })),
      ...(period !== undefined && { replay: await replayOf(questions, { link, url: doc.url, rules, period, withBots: bots === 'include' }) })
    }
  })
}
