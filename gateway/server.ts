#!/usr/bin/env node
// The process: settings, the embedded stack where no other is named, signals, the ready line and the end. All else is in app.ts.
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig, type Config, type StackAddresses } from './config.js'
import { packageRoot } from './package-root.js'
import { EmbeddedStack } from './stack.js'
import { WorkerPool, workersMax, type WorkerReady } from './workers.js'

const fail = (message: string): never => {
  process.stderr.write(`Linklog cannot start: ${message}\n`)
  process.exit(1)
}

const lost = (message: string): never => {
  process.stderr.write(`Linklog ends: ${message}\n`)
  process.exit(1)
}

const settings = (): Config => {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message.includes('\n') ? `\n  ${error.message.replaceAll('\n', '\n  ')}` : error.message)
    throw error
  }
}

const describe = (stack: StackAddresses): string =>
  `Kafka ${stack.kafkaBrokers.join(',')}, Schema Registry ${stack.schemaRegistryUrl}, ksqlDB ${stack.ksqldbUrl}`

/** The embedded stack, where no cluster is named: started by the process that is alone or leads the workers. */
const embeddedOf = (config: Config): EmbeddedStack | undefined => config.stack !== undefined
  ? undefined
  : new EmbeddedStack({ config, log: message => process.stderr.write(`${message}\n`), onLost: error => lost(error.message) })

const onSignals = (config: Config, stop: () => Promise<void>): void => {
  let stopping = false
  const stopOnce = (): void => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), config.stopTimeoutMs * 2).unref()
    stop().then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      process.exit(1)
    })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stopOnce)
}

/** One gateway in this process: alone, or as a worker that tells its leader when it is ready. */
const runGateway = async (config: Config): Promise<void> => {
  const embedded = embeddedOf(config)
  const starting = embedded?.start()
  starting?.catch(() => {}) // reported where it is awaited; meanwhile the modules are loaded, which takes as long as the stack does
  const [{ buildApp }, { stackAnswers }] = await Promise.all([import('./app.js'), import('./prepare.js')])
  const stack = config.stack ?? await (starting as Promise<StackAddresses>)
  if (config.stack !== undefined) await stackAnswers(stack, config.startTimeoutMs)
  const root = packageRoot()
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const app = await buildApp({ config, stack, version, schemasDir: path.join(root, 'schemas'), ksqlDir: path.join(root, 'ksql'), onLost: error => lost(error.message) })
  const sockets = new Set<Socket>()
  app.server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await app.listen({ host: config.host, port: config.port })
  onSignals(config, async () => {
    // A connection that was busy when the stop began is kept alive after its answer: without this it would be waited for.
    const idle = setInterval(() => {
      app.server.closeIdleConnections()
      // one on which nothing was ever asked is not idle to Node, which waits for its first request
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }, 50)
    // And one that gives no answer in time is ended, so that what follows still has its time: the spool is shipped behind this.
    const late = setTimeout(() => app.server.closeAllConnections(), config.stopTimeoutMs / 2)
    await app.close()
    clearInterval(idle)
    clearTimeout(late)
    await embedded?.stop(config.stopTimeoutMs)
  })
  if (cluster.isWorker) process.send?.({ type: 'ready', publicUrl: app.publicUrl() } satisfies WorkerReady)
  else process.stdout.write(`Linklog is ready: ${app.publicUrl()} (${describe(stack)})\n`)
}

/** Leads so many gateways: one stack, one secret and one port for all. */
const runWorkers = async (config: Config, count: number): Promise<void> => {
  const embedded = embeddedOf(config)
  const { visitorSecret } = await import('./visits/visitor.js')
  const secret = await visitorSecret(config.visitorSecret, config.gatewayDir)
  const stack = config.stack ?? await (embedded as EmbeddedStack).start()
  const workers = new WorkerPool({
    count,
    env: {
      KAFKA_BROKERS: stack.kafkaBrokers.join(','),
      SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
      KSQLDB_URL: stack.ksqldbUrl,
      VISITOR_SECRET: secret.toString('utf8')
    },
    log: message => process.stderr.write(`${message}\n`)
  })
  onSignals(config, async () => {
    await workers.stop(config.stopTimeoutMs)
    await embedded?.stop(config.stopTimeoutMs)
  })
  process.stdout.write(`Linklog is ready: ${await workers.start()} (${describe(stack)}), ${count} workers\n`)
}

const usage = 'Usage: npm start -- [--workers N]\n\nEverything else is set by the environment: see README.md.\n'

/** @throws Error for arguments that are none of ours. */
const workersAsked = (): number | undefined => {
  const { values } = parseArgs({ options: { workers: { type: 'string' }, help: { type: 'boolean', default: false } } })
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  if (values.workers === undefined) return undefined
  const count = Number(values.workers)
  if (!Number.isInteger(count) || count < 1 || count > workersMax) throw new Error(`--workers must be a whole number from 1 to ${workersMax}`)
  return count
}

const askedOrFail = (): number | undefined => {
  try {
    return workersAsked()
  } catch (error) {
    return fail((error as Error).message)
  }
}

const count = askedOrFail()
const config = settings()
const running = cluster.isPrimary && count !== undefined ? runWorkers(config, count) : runGateway(config)
running.catch((error: unknown) => {
  const { code, message, stack } = error as Error & { code?: string }
  // what has a code says all there is to say; anything else is a fault, and where it was matters
  fail(code === undefined ? stack ?? message : message)
})
