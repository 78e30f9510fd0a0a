// The routes over real HTTP, on a log and tables in a few plain lines instead of Kafka and ksqlDB.
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { Pool } from 'undici'
import { DomainDirectory } from '../../../gateway/domains/directory.js'
import { DomainService } from '../../../gateway/domains/service.js'
import type { DomainEvent } from '../../../gateway/events/domain-event.js'
import { Blocklist } from '../../../gateway/links/blocklist.js'
import { Confirmation } from '../../../gateway/links/confirmation.js'
import { KeyedGate } from '../../../gateway/links/gate.js'
import { LinkService } from '../../../gateway/links/service.js'
import { TargetCache } from '../../../gateway/links/target-cache.js'
import { actorPlugin } from '../../../gateway/plugins/actor.js'
import { metricsPlugin } from '../../../gateway/plugins/metrics.js'
import { guessLimitPlugin } from '../../../gateway/plugins/limits.js'
import { openapiPlugin } from '../../../gateway/plugins/openapi.js'
import { problemDetailsPlugin, sendProblem } from '../../../gateway/plugins/problem-details.js'
import { redirectsPlugin, serverWith } from '../../../gateway/plugins/redirects.js'
import { securityPlugin } from '../../../gateway/plugins/security.js'
import { validationPlugin } from '../../../gateway/plugins/validation.js'
import { targetOf } from '../../../gateway/queries/links.js'
import type { VisitTables } from '../../../gateway/queries/visit-tables.js'
import { noSources, noVisits, type Sources, type Totals, type VisitQueries } from '../../../gateway/queries/visits.js'
import { domainRoutes } from '../../../gateway/routes/domains.js'
import { previewRoute } from '../../../gateway/routes/preview.js'
import { qrRoute } from '../../../gateway/routes/qr.js'
import { linkRoutes } from '../../../gateway/routes/links.js'
import { orphanRoutes } from '../../../gateway/routes/orphans.js'
import { redirectRoute } from '../../../gateway/routes/redirect.js'
import { ruleRoutes } from '../../../gateway/routes/rules.js'
import { serviceRoutes } from '../../../gateway/routes/service.js'
import { visitRoutes } from '../../../gateway/routes/visits.js'
import { visitorDraw } from '../../../gateway/visits/draw.js'
import { VisitLimits } from '../../../gateway/visits/limits.js'
import { VisitQuestions } from '../../../gateway/visits/questions.js'
import type { VisitRecorder, VisitRequest } from '../../../gateway/visits/recorder.js'
import { VisitScopes } from '../../../gateway/visits/scopes.js'
import { CountedVisits } from '../visits/counted-visits.js'
import { AcceptanceLog } from '../links/acceptance-log.js'

export const publicUrl = 'https://go.example'

/** What the tables of visits say, set by the test. */
export class FakeVisits {
  totals: Totals = noVisits
  of: Sources = noSources
  count = 0
  asked: unknown[][] = []
  failure: Error | undefined

  #ask (...what: unknown[]): void {
    this.asked.push(what)
    if (this.failure !== undefined) throw this.failure
  }

  async byLink (link: string) { this.#ask('link', link); return this.totals }
  async byUrl (url: string) { this.#ask('url', url); return this.totals }
  async sources (link: string) { this.#ask('sources', link); return this.of }
  async views (link: string) { this.#ask('views', link); return noVisits }
  async byLinks (links: readonly string[]) { this.#ask('links', links); return links.map(() => this.totals) }
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: any
  readonly text: string
  readonly bytes: Buffer
}

export const startRoutes = async (t: Test, { bodyLimit = 2_000, confirmTimeoutMs = 60, now = Date.now, rateLimitMisses = 0 } = {}) => {
  const log = new AcceptanceLog()
  const tables = new FakeVisits()
  const counted = new CountedVisits()
  const recorded: VisitRequest[] = []
  let ids = 0
  const app: FastifyInstance = Fastify({
    bodyLimit,
    routerOptions: { maxParamLength: 960 },
    frameworkErrors: (error, request, reply) => sendProblem(request, reply, error),
    serverFactory: serverWith(() => app.redirects)
  })
  await app.register(problemDetailsPlugin)
  await app.register(validationPlugin)
  await app.register(securityPlugin)
  await app.register(actorPlugin)
  await app.register(openapiPlugin, { version: '0.0.0' })
  await app.register(metricsPlugin, { version: '0.0.0' })
  app.decorate('targets', new TargetCache({
    load: (link, { resolve }) => setImmediate(() => {
      const state = log.state(link)
      resolve(state?.latest === undefined ? undefined : targetOf(link, state.version, state.latest.doc, state.latest.scheduled))
    }),
    max: 100, staleMs: 0, patienceMs: 1_000, now: () => performance.now(), date: now
  }))
  const ownHosts = new Set(['go.example'])
  const directory = new DomainDirectory(() => 'go.example')
  const domainEvents: Array<{ readonly host: string, readonly event: DomainEvent }> = []
  app.decorate('domains', directory)
  const blocklist = new Blocklist()
  app.decorate('blocklist', blocklist)
  app.decorate('domainCommands', new DomainService({
    directory, write: async (host, event) => { domainEvents.push({ host, event }) }, ownHosts: () => ownHosts, newId: () => `event-${++ids}`, now
  }))
  app.decorate('links', new LinkService({
    read: async link => log.state(link),
    history: async link => log.history(link),
    atVersion: async (link, version) => log.atVersion(link, version),
    asOf: async (link, at) => log.asOf(link, at),
    linkOfEvent: async eventId => log.events.find(({ event }) => event.event_id === eventId)?.link,
    write: async (link, event) => log.append(link, event),
    confirmation: new Confirmation({
      read: async link => log.state(link),
      now: Date.now,
      wait: async () => await new Promise(resolve => { setImmediate(resolve) }),
      feedUp: () => false
    }),
    gate: new KeyedGate(16, 100),
    ownHosts: () => directory.ownHosts(ownHosts),
    blocklist,
    prefixOf: domain => directory.prefixOf(domain),
    newId: () => `event-${++ids}`,
    now,
    confirmTimeoutMs,
    onChange: () => {}
  }))
  app.decorate('visitorDraw', visitorDraw(Buffer.from('a secret of the test')))
  app.decorate('visits', { record: (visit: VisitRequest) => { recorded.push(visit) }, flush: () => {} } as unknown as VisitRecorder)
  const health = { ready: true, checks: { kafka: 'ok', schemaRegistry: 'ok', ksqldb: 'ok', migrations: 'ok' } }
  app.decorate('health', async () => health)
  const limits = new VisitLimits({ count: async () => tables.count, now: () => performance.now() })
  await app.register(serviceRoutes)
  await app.register(domainRoutes)
  await app.register(linkRoutes, { publicUrl: () => publicUrl })
  const questions = new VisitQuestions({ tables: counted as unknown as VisitTables, now: () => performance.now(), timeoutMs: 1_000 })
  const scopes = new VisitScopes({ queries: tables, questions, publicUrl: () => publicUrl })
  await app.register(ruleRoutes, { questions, now })
  await app.register(visitRoutes, { queries: tables as unknown as VisitQueries, questions, scopes, now })
  await app.register(orphanRoutes, { questions, scopes })
  const settings = { rateLimitReads: 0, rateLimitWrites: 0, rateLimitMisses, rateLimitLoopback: true }
  await app.register(guessLimitPlugin, { settings, now: () => performance.now() })
  await app.register(redirectsPlugin, { limits, config: { countryHeader: 'x-country', trustProxy: false }, now })
  await app.register(redirectRoute)
  await app.register(previewRoute, { limits, publicUrl: () => publicUrl, now })
  await app.register(qrRoute, { publicUrl: () => publicUrl })
  // OpenAPI is kept true: a status that a route answers and does not document fails the test that saw it
  app.addHook('onSend', async (request, reply) => {
    const documented = request.routeOptions.schema?.response as Record<string, unknown> | undefined
    if (documented !== undefined && reply.statusCode !== 500 && !(reply.statusCode in documented)) reply.header('x-undocumented', request.routeOptions.url)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const pool = new Pool(url)
  t.teardown(async () => {
    await pool.destroy()
    await app.close()
  })
  const call = async (method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const response = await pool.request({
      method, path, headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(text !== undefined && { body: text })
    })
    const bytes = Buffer.from(await response.body.arrayBuffer())
    const answer = bytes.toString('utf8')
    const undocumented = response.headers['x-undocumented']
    if (undocumented !== undefined) throw new Error(`${method} ${String(undocumented)} answered ${response.statusCode}, which it does not document: ${answer}`)
    return { status: response.statusCode, headers: response.headers, text: answer, bytes, body: answer.startsWith('{') ? JSON.parse(answer) : undefined }
  }
  return { blocklist, call, domainEvents, directory, log, tables, counted, recorded, health }
}
