// app.questions: what answers questions about visits.
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { VisitTables } from '../queries/visit-tables.js'
import { VisitQueries } from '../queries/visits.js'
import type { Names } from '../topics.js'
import { VisitQuestions } from '../visits/questions.js'
import { VisitScopes } from '../visits/scopes.js'

export interface QuestionAccess { readonly queries: VisitQueries, readonly questions: VisitQuestions, readonly scopes: VisitScopes }

declare module 'fastify' {
  interface FastifyInstance { questions: QuestionAccess }
}

export const questionsPlugin = fp<{ config: Config, names: Names, publicUrl: () => string }>(async (app, { config, names, publicUrl }) => {
  const queries = new VisitQueries(app.ksqldb, names)
  const tables = new VisitTables(app.ksqldb, names)
  const questions = new VisitQuestions({ tables, now: () => performance.now(), timeoutMs: config.pullTimeoutMs })
  app.decorate('questions', { queries, questions, scopes: new VisitScopes({ queries, questions, publicUrl }) })
}, { name: 'questions', dependencies: ['ksqldb'] })
