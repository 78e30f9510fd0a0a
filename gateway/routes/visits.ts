// Questions about visits: of one link, several, a tag, a domain or all, and of an original URL over all its links.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { checkVisitReach } from '../access/visit-reach.js'
import { normaliseUrl } from '../links/url.js'
import type { Totals, VisitQueries } from '../queries/visits.js'
import { inZone } from '../visits/calendar.js'
import { groupings, toQuestion, type Grouping, type Question, type QuestionParameters } from '../visits/question.js'
import type { Answer, VisitQuestions } from '../visits/questions.js'
import type { ScopeParameters, VisitScopes } from '../visits/scopes.js'
import { linkKey } from './link-answers.js'
import { LinkParams, problems, UrlVisits } from './schemas.js'
import { LinkVisits, questionFields, scopeFields, Visits } from './visit-schemas.js'
import { isoOrNull } from '../instant.js'

export interface VisitRoutesOptions {
  readonly queries: VisitQueries
  readonly questions: VisitQuestions
  readonly scopes: VisitScopes
  readonly now: () => number
}

const groupsOfLink: readonly Grouping[] = groupings.filter(by => by !== 'link' && by !== 'domain')

const presentTotals = ({ total, withoutBots, firstVisit, lastVisit }: Totals) =>
  ({ total, withoutBots, firstVisit: isoOrNull(firstVisit), lastVisit: isoOrNull(lastVisit) })

const presentAnswer = ({ by, zone, bounds, bots, groups }: Question, { visits, visitors, unclassified, buckets, breakdowns }: Answer) => {
  const ends = { from: inZone(bounds[0] as number, zone), to: inZone(bounds.at(-1) as number, zone) }
  return {
    period: { ...ends, zone, bots, visits, visitors, unclassified },
    ...(by !== undefined && {
      series: {
        by,
        zone,
        ...ends,
        buckets: buckets.filter(({ total }) => total > 0).map(bucket => ({
          start: inZone(bucket.start, zone),
          visits: bucket.visits,
          total: bucket.total,
          withoutBots: bucket.withoutBots,
          ...(by !== 'hour' && { visitors: bucket.visitors })
        }))
      }
    }),
    ...(groups.length > 0 && { breakdowns: breakdowns.map(({ by, values, more }) => ({ by, values: [...values], more })) })
  }
}

const routesOfLinks: FastifyPluginAsyncTypebox<VisitRoutesOptions> = async (app, { queries, questions, now }) => {
  app.get('/api/links/:link/visits', {
    schema: {
      tags: ['visits'],
      summary: 'Visits of a link',
      description: 'Without parameters: since the beginning. With any: also of a period (the last 30 days unless told otherwise), as a series, broken down, filtered.',
      params: LinkParams,
      querystring: Type.Object(questionFields, { additionalProperties: false }),
      response: { 200: LinkVisits, ...problems(400, 404, 422, 503) }
    }
  }, async request => {
    const link = linkKey(request.params.link)
    const question = Object.keys(request.query).length === 0 ? undefined : toQuestion(request.query as QuestionParameters, groupsOfLink, now())
    const [totals, sources, views, answer] = await Promise.all([
      queries.byLink(link),
      queries.sources(link),
      queries.views(link),
      question === undefined ? undefined : questions.ask({ of: 'links', names: [link] }, question),
      app.links.get(link)
    ])
    const { visitors, referrers, browsers, systems, devices, countries } = sources
    return {
      link,
      ...presentTotals(totals),
      visitors,
      referrers,
      browsers,
      os: systems,
      devices,
      countries,
      views: { total: views.total, withoutBots: views.withoutBots },
      ...(question !== undefined && answer !== undefined && presentAnswer(question, answer))
    }
  })
}

const routesOfMany: FastifyPluginAsyncTypebox<VisitRoutesOptions> = async (app, { questions, scopes, now }) => {
  app.get('/api/visits', {
    schema: {
      tags: ['visits'],
      summary: 'Visits of several links, a tag, a domain, or all',
      description: 'What can be asked of one link can be asked of many; version and rule only of one or several links.',
      querystring: Type.Object({ ...scopeFields, ...questionFields }, { additionalProperties: false }),
      response: { 200: Visits, ...problems(400, 403, 422, 503) }
    }
  }, async request => {
    const { links, tag, domain, ...asked } = request.query as ScopeParameters & QuestionParameters
    const allowed = groupings.filter(by => domain === undefined && links === undefined && tag === undefined
      ? by !== 'link' && by !== 'version' && by !== 'rule'
      : domain === undefined ? by !== 'domain' : !['link', 'domain', 'version', 'rule'].includes(by))
    const question = toQuestion(asked, allowed, now())
    const { scope, totals, echo } = await scopes.of({ links, tag, domain })
    checkVisitReach(request.key, echo, scopes.host)
    const answer = await questions.ask(scope, question)
    return { ...echo, ...presentTotals(totals), ...presentAnswer(question, answer) }
  })
}

export const visitRoutes: FastifyPluginAsyncTypebox<VisitRoutesOptions> = async (app, options) => {
  await app.register(routesOfLinks, options)
  await app.register(routesOfMany, options)

  app.get('/api/analytics', {
    schema: {
      tags: ['visits'],
      summary: 'Visits of an original URL over all its links',
      description: 'A URL that no link leads to has none: 0, not an error.',
      querystring: Type.Object({ url: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
      response: { 200: UrlVisits, ...problems(400, 422, 503) }
    }
  }, async request => {
    const url = normaliseUrl(request.query.url, new Set(), 'url')
    return { url, ...presentTotals(await options.queries.byUrl(url)) }
  })
}
