#!/usr/bin/env node
// The embedded stack as a process: settings from flags or the environment, addresses on standard output and over IPC, an orderly end.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { startEmbedded } from './index.js'
import type { Embedded, EmbeddedLogger, EmbeddedOptions } from './index.js'

const USAGE = `Usage: node dist/embedded/cli.js [options]

Starts a single-node Kafka broker, Schema Registry and ksqlDB server.

  --data-dir DIR         where everything is kept           DATA_DIR                 ./data
  --host HOST            address to listen on               EMBEDDED_HOST            127.0.0.1
  --kafka-port N         0: any free port                   EMBEDDED_KAFKA_PORT      9092
  --registry-port N                                         EMBEDDED_REGISTRY_PORT   8081
  --ksqldb-port N                                           EMBEDDED_KSQLDB_PORT     8088
  --fsync WHEN           interval (each second) or always   EMBEDDED_FSYNC           interval
  --run COMMAND          run COMMAND with KAFKA_BROKERS, SCHEMA_REGISTRY_URL and KSQLDB_URL set; end with it
  --help
`

/** How long an orderly end may take, in ms, before the process ends as it is: the log recovers as after a kill. */
const closeTimeoutMs = 10_000

class UsageError extends Error {}

function port (text: string, name: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new UsageError(`${name}: a port is a whole number from 0 to 65535, not "${text}"`)
  return value
}

interface Settings extends Omit<EmbeddedOptions, 'logger'> { readonly run: string | undefined, readonly help: boolean }

function settings (argv: string[], env: NodeJS.ProcessEnv): Settings {
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args: argv,
    options: {
      'data-dir': string, host: string, 'kafka-port': string, 'registry-port': string, 'ksqldb-port': string, fsync: string, run: string,
      help: { type: 'boolean' }
    }
  })
  const fsync = values.fsync ?? env.EMBEDDED_FSYNC ?? 'interval'
  if (fsync !== 'interval' && fsync !== 'always') throw new UsageError(`--fsync: interval or always, not "${fsync}"`)
  return {
    dataDir: values['data-dir'] ?? env.DATA_DIR ?? './data',
    host: values.host ?? env.EMBEDDED_HOST ?? '127.0.0.1',
    kafkaPort: port(values['kafka-port'] ?? env.EMBEDDED_KAFKA_PORT ?? '9092', '--kafka-port'),
    registryPort: port(values['registry-port'] ?? env.EMBEDDED_REGISTRY_PORT ?? '8081', '--registry-port'),
    ksqldbPort: port(values['ksqldb-port'] ?? env.EMBEDDED_KSQLDB_PORT ?? '8088', '--ksqldb-port'),
    fsync,
    run: values.run,
    help: values.help ?? false
  }
}

const logger: EmbeddedLogger = {
  info: message => process.stdout.write(`embedded: ${message}\n`),
  warn: message => process.stderr.write(`embedded: warning: ${message}\n`),
  error: message => process.stderr.write(`embedded: error: ${message}\n`)
}

function addresses ({ kafkaBrokers, schemaRegistryUrl, ksqldbUrl }: Embedded): Omit<Embedded, 'close'> {
  return { kafkaBrokers, schemaRegistryUrl, ksqldbUrl }
}

/** Runs the command and resolves with its exit status. */
async function runCommand (command: string, embedded: Embedded): Promise<number> {
  const child = spawn(command, {
    shell: true,
    stdio: 'inherit',
    env: {
      ...process.env, KAFKA_BROKERS: embedded.kafkaBrokers, SCHEMA_REGISTRY_URL: embedded.schemaRegistryUrl, KSQLDB_URL: embedded.ksqldbUrl
    }
  })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => resolve(code ?? 1))
  })
}

/**
 * Resolves when the process is told to end: by a signal, or by the end of the process that forked it. Where it was forked, an interrupt from the terminal
 * reaches both, and the other one decides: it still has visits to hand over.
 */
async function toldToEnd (): Promise<number> {
  return await new Promise(resolve => {
    process.on('SIGTERM', () => resolve(0))
    process.on('SIGINT', () => process.send === undefined && resolve(0))
    process.once('disconnect', () => resolve(0))
  })
}

async function main (): Promise<number> {
  const { run, help, ...options } = settings(process.argv.slice(2), process.env)
  if (help) {
    process.stdout.write(USAGE)
    return 0
  }
  const ended = toldToEnd()
  const embedded = await startEmbedded({ ...options, logger })
  if (process.send !== undefined) process.send({ type: 'ready', ...addresses(embedded) })
  else logger.info(`ready: Kafka ${embedded.kafkaBrokers}, Schema Registry ${embedded.schemaRegistryUrl}, ksqlDB ${embedded.ksqldbUrl}`)
  const status = await (run === undefined ? ended : Promise.race([ended, runCommand(run, embedded)]))
  setTimeout(() => {
    logger.error(`not closed within ${closeTimeoutMs} ms: ending without`)
    process.exit(1)
  }, closeTimeoutMs).unref()
  await embedded.close()
  return status
}

try {
  process.exit(await main())
} catch (error) {
  logger.error((error as Error).message)
  if (error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true) process.stderr.write(`\n${USAGE}`)
  process.exit(1)
}
