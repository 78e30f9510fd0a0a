// The gateway as a Fastify app: plugins, then routes, in the order in which a request meets them.
import Fastify, { LogController, type FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { checkExposure } from './access/exposure.js'
import type { Config, StackAddresses } from './config.js'
import { ddlLock } from './ksqldb/ddl-lock.js'
import { ownHostsOf } from './links/url.js'
import { Lister } from './lists/lister.js'
import { ScanGate } from './lists/scan-gate.js'
import { MigrationApplier } from './migrations/applier.js'
import { readMigrations } from './migrations/files.js'
import { createdNames } from './migrations/statements.js'
import { accessPlugin } from './plugins/access.js'
import { actorPlugin } from './plugins/actor.js'
import { blocklistPlugin } from './plugins/blocklist.js'
import { changesPlugin } from './plugins/changes.js'
import { answerClientError } from './plugins/client-errors.js'
import { docsPlugin } from './plugins/docs.js'
import { domainsPlugin } from './plugins/domains.js'
import { healthPlugin } from './plugins/health.js'
import { kafkaClient, kafkaPlugin } from './plugins/kafka.js'
import { ksqldbPlugin } from './plugins/ksqldb.js'
import { erasurePlugin } from './plugins/erasure.js'
import { guessLimitPlugin, rateLimitPlugin } from './plugins/limits.js'
import { linksPlugin } from './plugins/links.js'
import { metricsPlugin } from './plugins/metrics.js'
import { openapiPlugin } from './plugins/openapi.js'
import { problemDetailsPlugin, sendProblem } from './plugins/problem-details.js'
import { questionsPlugin } from './plugins/questions.js'
import { redirectsPlugin, serverWith } from './plugins/redirects.js'
import { registerSchemas, registryPlugin } from './plugins/registry.js'
import { securityPlugin } from './plugins/security.js'
import { viewsPlugin } from './plugins/views.js'
import { validationPlugin } from './plugins/validation.js'
import { webhooksPlugin } from './plugins/webhooks.js'
import { visitKeysPlugin } from './plugins/visit-keys.js'
import { visitsPlugin } from './plugins/visits.js'
import { makeTopics } from './prepare.js'
import { LinkListQueries } from './queries/link-list.js'
import { SelectQueries } from './queries/select.js'
import { BatchedPull } from './queries/batch.js'
import { LinkQueries } from './queries/links.js'
import { domainRoutes } from './routes/domains.js'
import { erasureRoutes } from './routes/erasures.js'
import { eventRoutes } from './routes/events.js'
import { exportRoutes } from './routes/export.js'
import { bulkRoutes } from './routes/bulk.js'
import { keyRoutes } from './routes/keys.js'
import { ksqlRoutes } from './routes/ksql.js'
import { linkListRoutes } from './routes/link-list.js'
import { linkRoutes } from './routes/links.js'
import { orphanRoutes } from './routes/orphans.js'
import { previewRoute } from './routes/preview.js'
import { qrRoute } from './routes/qr.js'
import { redirectRoute } from './routes/redirect.js'
import { ruleRoutes } from './routes/rules.js'
import { serviceRoutes } from './routes/service.js'
import { visitLogRoutes } from './routes/visit-log.js'
import { webhookRoutes } from './routes/webhooks.js'
import { visitRoutes } from './routes/visits.js'
import { namesFor, type Names } from './topics.js'
import { VisitLimits } from './visits/limits.js'

export interface AppOptions {
  readonly config: Config
  readonly stack: StackAddresses
  readonly version: string
  readonly schemasDir: string
  readonly ksqlDir: string
  /** Told where this process must end, since another has its place. */
  readonly onLost: (error: Error) => void
}

const linkCharsMax = 320
/** For others that apply migrations: a statement is given six minutes, and all of ksql/ takes one or two on a cluster. */
const turnTimeoutMs = 900_000

const bare = (config: Config): FastifyInstance => {
  const app: FastifyInstance = Fastify({
    logger: { level: config.logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: config.trustProxy,
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: config.requestTimeoutMs,
    routerOptions: { maxParamLength: linkCharsMax * 3 },
    return503OnClosing: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => sendProblem(request, reply, error),
    serverFactory: serverWith(() => app.redirects)
  })
  return app
}

/** The address that a listening app is reached at, and what it is told to call itself. */
const addressOf = (app: FastifyInstance, config: Config): { host: string, port: number, publicUrl: string } => {
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : config.port
  const name = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host.includes(':') ? `[${config.host}]` : config.host
  return { host: config.host, port, publicUrl: config.publicUrl ?? `http://${name}:${port}` }
}

/** Its own address, asked for again and again: reckoned once it listens. */
const selfOf = (app: FastifyInstance, config: Config) => {
  let own: { readonly publicUrl: string, readonly host: string, readonly hosts: ReadonlySet<string> } | undefined
  return () => {
    if (own !== undefined) return own
    const { publicUrl, ...listening } = addressOf(app, config)
    const reckoned = { publicUrl, host: new URL(publicUrl).host, hosts: ownHostsOf(publicUrl, listening) }
    if (app.server.listening) own = reckoned
    return reckoned
  }
}

/**
 * Builds the app and prepares the stack: topics, schemas, migrations. Nothing listens yet.
 * @throws SchemaRefused, MigrationError, FolderInUse where the start must stop, with a message that says why.
 */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance & { publicUrl: () => string }> => {
  const { config, stack } = options
  const fixed = namesFor(config.topicPrefix)
  const app = bare(config)
  const self = selfOf(app, config)
  const publicUrl = () => self().publicUrl
  const registering = registerSchemas({ config, stack, names: fixed, schemasDir: options.schemasDir })
  registering.catch(() => {}) // reported where it is awaited
  try {
    await app.register(problemDetailsPlugin)
    await app.register(validationPlugin)
    await app.register(blocklistPlugin, { file: config.blocklistFile })
    await app.register(securityPlugin)
    await app.register(actorPlugin)
    await app.register(metricsPlugin, { version: options.version })
    await app.register(ksqldbPlugin, { config, stack })
    await app.register(kafkaPlugin, { config, stack })
    // one registration at a time: of two awaited together the second resolves before its plugin has run
    for (const fault of await makeTopics(app.kafka.admin, fixed, config)) app.log.warn(`${fault}: the logs of events must keep everything, and visit-keys must be compacted`)
    await app.register(registryPlugin, { codecs: await registering })
    const applier = new MigrationApplier({
      ksqldb: app.ksqldb,
      names: fixed,
      directory: options.ksqlDir,
      replicationFactor: config.topicReplicationFactor,
      timeoutMs: config.startTimeoutMs,
      alone: ddlLock({ client: kafkaClient(config, stack, { joins: true }), groupId: fixed.ddlGroup, waitMs: turnTimeoutMs }),
      log: message => app.log.info(message),
      now: Date.now,
      wait
    })
    await applier.apply()
    const files = await readMigrations(options.ksqlDir)
    await app.register(viewsPlugin, { names: fixed, files })
    const names = app.views // the names to read by, from here on
    await app.register(guessLimitPlugin, { settings: config, now: () => performance.now() })
    await app.register(accessPlugin, { config, names, publicUrl })
    await app.register(rateLimitPlugin, { settings: config, now: () => performance.now() })
    checkExposure(config, app.keyRing.locked)
    await app.register(openapiPlugin, { version: options.version })
    await app.register(docsPlugin)
    await app.register(healthPlugin, { config, stack, migrationsStand: async () => await applier.standing() })
    await app.register(domainsPlugin, { config, names, ownHosts: () => self().hosts, defaultHost: () => self().host })
    await app.register(linksPlugin, { config, names, ownHosts: () => app.domains.ownHosts(self().hosts) })
    await app.register(changesPlugin, { config, stack, names })
    await app.register(webhooksPlugin, { config, stack, names, defaultHost: () => self().host })
    await app.register(visitsPlugin, { config, stack, names, onLost: options.onLost })
    await app.register(visitKeysPlugin, { config, stack, names })
    await app.register(questionsPlugin, { config, stack, names, publicUrl })
    await app.register(erasurePlugin, { config, names })
    await registerRoutes(app, config, names, publicUrl)
    const known = createdNames(files.map(({ text }) => text))
    await app.register(ksqlRoutes, { gate: new ScanGate(questionsAtOnce), selects: new SelectQueries(app.ksqldb, known, names) })
    await app.ready()
  } catch (error) {
    await app.close().catch(() => {})
    throw error
  }
  return Object.assign(app, { publicUrl })
}

/** Lists read whole tables: few at a time, since each takes a core of ksqlDB while it runs. */
const listsAtOnce = { runningMax: 4, waitingMax: 32 }
/** Questions in ksql may each read a whole log. */
const questionsAtOnce = { runningMax: 4, waitingMax: 16 }
/** Each reads a whole table or log, for as long as its client takes to read it. */
const exportsAtOnce = { runningMax: 4, waitingMax: 8 }
/** Each holds up to some MiB of lines and outcomes. */
const bulksAtOnce = { runningMax: 4, waitingMax: 0 }

const registerLists = async (app: FastifyInstance, config: Config, names: Names, publicUrl: () => string): Promise<void> => {
  const lister = new Lister({ queries: new LinkListQueries(app.ksqldb, names), now: Date.now })
  await app.register(bulkRoutes, { gate: new ScanGate(bulksAtOnce), publicUrl })
  await app.register(linkListRoutes, { lister, gate: new ScanGate({ ...listsAtOnce, timeoutMs: config.scanTimeoutMs }), publicUrl })
  const { log, ends, since } = app.questions
  await app.register(exportRoutes, {
    gate: new ScanGate(exportsAtOnce),
    lister,
    queries: new LinkQueries(app.ksqldb, names),
    visits: { log, keys: app.visitKeys, ends, since, standing: async links => await app.links.getAll(links) },
    publicUrl
  })
}

const registerRoutes = async (app: FastifyInstance, config: Config, names: Names, publicUrl: () => string): Promise<void> => {
  const counts = new BatchedPull<number>(async keys => await app.questions.queries.countsWithoutBots(keys))
  const limits = new VisitLimits({ count: async link => await counts.load(link) ?? 0, now: () => performance.now() })
  await app.register(serviceRoutes)
  await app.register(keyRoutes, { now: Date.now })
  await app.register(eventRoutes, { publicUrl })
  await app.register(webhookRoutes, { publicUrl, allowPrivate: config.webhookPrivateAddresses })
  await app.register(domainRoutes)
  await app.register(linkRoutes, { publicUrl })
  await registerLists(app, config, names, publicUrl)
  await app.register(ruleRoutes, { questions: app.questions.questions, now: Date.now })
  await app.register(visitRoutes, { ...app.questions, now: Date.now })
  await app.register(orphanRoutes, app.questions)
  await app.register(visitLogRoutes, { ...app.questions, keys: app.visitKeys })
  await app.register(erasureRoutes, { now: Date.now })
  await app.register(redirectsPlugin, { limits, config, now: Date.now })
  await app.register(redirectRoute)
  await app.register(previewRoute, { limits, publicUrl, now: Date.now })
  await app.register(qrRoute, { publicUrl })
}
