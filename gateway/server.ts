#!/usr/bin/env node
// The process: settings, the embedded stack where no other is named, signals, the ready line and the end. All else is in app.ts.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig, type Config, type StackAddresses } from './config.js'
import { EmbeddedStack } from './stack.js'

const packageRoot = (): string => {
  for (let directory = path.dirname(fileURLToPath(import.meta.url)); ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json'))) return directory
    if (directory === path.dirname(directory)) throw new Error('package.json is not above this file')
  }
}

const fail = (message: string): never => {
  process.stderr.write(`Linklog cannot start: ${message}\n`)
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

const run = async (config: Config): Promise<void> => {
  const embedded = config.stack === undefined
    ? new EmbeddedStack({
      config,
      log: message => process.stderr.write(`${message}\n`),
      onLost: error => fail(error.message)
    })
    : undefined
  const starting = embedded?.start()
  starting?.catch(() => {}) // reported where it is awaited; meanwhile the modules are loaded, which takes as long as the stack does
  const [{ buildApp }, { stackAnswers }] = await Promise.all([import('./app.js'), import('./prepare.js')])
  const stack = config.stack ?? await (starting as Promise<StackAddresses>)
  if (config.stack !== undefined) await stackAnswers(stack, config.startTimeoutMs)
  const root = packageRoot()
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const app = await buildApp({ config, stack, version, schemasDir: path.join(root, 'schemas'), ksqlDir: path.join(root, 'ksql') })
  await app.listen({ host: config.host, port: config.port })

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    const force = setTimeout(() => process.exit(1), config.stopTimeoutMs * 2)
    force.unref()
    // A connection that was busy when the stop began is kept alive after its answer: without this it would be waited for.
    const idle = setInterval(() => app.server.closeIdleConnections(), 50)
    await app.close()
    clearInterval(idle)
    await embedded?.stop(config.stopTimeoutMs)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().then(() => process.exit(0), (error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        process.exit(1)
      })
    })
  }
  process.stdout.write(`Linklog is ready: ${app.publicUrl()} (${describe(stack)})\n`)
}

const config = settings()
run(config).catch((error: unknown) => {
  const { code, message, stack } = error as Error & { code?: string }
  // what has a code says all there is to say; anything else is a fault, and where it was matters
  fail(code === undefined ? stack ?? message : message)
})
