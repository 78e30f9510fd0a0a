// app.questions: what answers questions about visits, from the tables, from the log, and live.
import fp from 'fastify-plugin'
import type { Config, StackAddresses } from '../config.js'
import { EventDecoder } from '../events/decoder.js'
import type { Visit } from '../events/visit.js'
import { LogReader } from '../log/log-reader.js'
import { VisitTables } from '../queries/visit-tables.js'
import { VisitQueries } from '../queries/visits.js'
import type { Names } from '../topics.js'
import { LiveVisits } from '../visits/live.js'
import { VisitLog } from '../visits/log.js'
import { VisitQuestions } from '../visits/questions.js'
import { VisitScopes } from '../visits/scopes.js'
import { Verifier } from '../visits/verification.js'
import { kafkaClient } from './kafka.js'

export interface QuestionAccess {
  readonly queries: VisitQueries
  readonly questions: VisitQuestions
  readonly scopes: VisitScopes
  readonly log: VisitLog
  readonly verifier: Verifier
  readonly live: LiveVisits
  /** Where each partition of the log ends now. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** The first offset of each partition of the log whose record's timestamp is not before an instant (milliseconds since 1970). */
  readonly since: (ms: number) => Promise<ReadonlyMap<number, number>>
}

declare module 'fastify' {
  interface FastifyInstance { questions: QuestionAccess }
}

/** A recount may read a whole partition. */
const verifyTimeoutMs = 60_000

export interface QuestionsOptions { readonly config: Config, readonly stack: StackAddresses, readonly names: Names, readonly publicUrl: () => string }

export const questionsPlugin = fp<QuestionsOptions>(async (app, { config, stack, names, publicUrl }) => {
  const queries = new VisitQueries(app.ksqldb, names)
  const tables = new VisitTables(app.ksqldb, names)
  const now = () => performance.now()
  const questions = new VisitQuestions({ tables, now, timeoutMs: config.pullTimeoutMs })
  const reader = new LogReader(kafkaClient(config, stack), names.visits)
  const decoder = new EventDecoder<Visit>(app.codecs.visit.schema, stack.schemaRegistryUrl, config.schemaRegistryCredentials)
  const ends = async () => await reader.ends()
  const since = async (ms: number) => new Map(
    (await app.kafka.admin.fetchTopicOffsetsByTimestamp(names.visits, ms)).map(({ partition, offset }) => [partition, Number(offset)]))
  const log = new VisitLog({
    reader,
    decoder,
    tables,
    now: Date.now,
    onUnreadable: ({ partition, offset }, error) => app.log.debug({ err: error, partition, offset }, 'a record of the log of visits is none')
  })
  const live = new LiveVisits({
    open: async signal => await tables.live(signal),
    log,
    ends,
    keys: app.visitKeys,
    onError: error => app.log.warn({ err: error }, 'the visits could not be followed')
  })
  app.decorate('questions', {
    queries,
    questions,
    scopes: new VisitScopes({ queries, questions, publicUrl }),
    log,
    verifier: new Verifier({ log, tables, ends, now, timeoutMs: verifyTimeoutMs }),
    live,
    ends,
    since
  })
  app.metrics.gauge('linklog_live_listeners', 'Listeners to visits as they happen', () => live.listeners)
  app.addHook('preClose', async () => await live.close())
  app.addHook('onClose', async () => await reader.close())
}, { name: 'questions', dependencies: ['kafka', 'ksqldb', 'metrics', 'registry', 'visit-keys'] })
