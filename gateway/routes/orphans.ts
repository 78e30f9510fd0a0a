// GET /api/orphans: what was asked for and was not there.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { orphansPage } from '../visits/orphans.js'
import type { VisitQuestions } from '../visits/questions.js'
import type { VisitScopes } from '../visits/scopes.js'
import { problems } from './schemas.js'
import { Orphans, OrphansQuery } from './visit-schemas.js'
import { iso } from '../instant.js'

export interface OrphanRoutesOptions { readonly questions: VisitQuestions, readonly scopes: VisitScopes }

const limitPreset = 100
export const orphanRoutes: FastifyPluginAsyncTypebox<OrphanRoutesOptions> = async (app, { questions, scopes }) => {
  app.get('/api/orphans', {
    schema: {
      tags: ['visits'],
      summary: 'Slugs that were asked for and not there',
      description: 'Unknown slugs, and links that are gone, switched off, outside their window or exhausted: the most wanted first.',
      querystring: OrphansQuery,
      response: { 200: Orphans, ...problems(400, 422, 503) }
    }
  }, async ({ query: { outcome, domain, bots, limit, cursor } }) => {
    const { slugs, orphans, next } = await orphansPage(questions, {
      outcome, domain: domain === undefined ? undefined : scopes.domain(domain), withBots: bots !== 'exclude', limit: limit ?? limitPreset, cursor
    })
    return {
      slugs,
      orphans: orphans.map(({ slug, outcome, total, withoutBots, firstVisit, lastVisit }) =>
        ({ slug, outcome, total, withoutBots, firstVisit: iso(firstVisit), lastVisit: iso(lastVisit) })),
      next
    }
  })
}
