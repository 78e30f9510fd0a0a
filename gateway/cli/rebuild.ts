// `linklog rebuild`: makes every view again from the log while the service runs (views/rebuild.ts), with the settings that the service has.
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readConfig } from '../config.js'
import { KsqlClient } from '../ksqldb/client.js'
import { ddlLock } from '../ksqldb/ddl-lock.js'
import { readMigrations } from '../migrations/files.js'
import { packageRoot } from '../package-root.js'
import { kafkaClient } from '../plugins/kafka.js'
import { namesFor } from '../topics.js'
import { Holds } from '../views/holds.js'
import { ViewReads } from '../views/reads.js'
import { Rebuild } from '../views/rebuild.js'
import { readArguments } from './arguments.js'
import { exitCodes, UsageError } from './exit-codes.js'
import type { Streams } from './import.js'
import { serviceStack } from './service-stack.js'

export const rebuildHelp = `Usage: linklog rebuild [options]

Makes every table again from the log while the service runs. Twins of the tables are made and
compared with them; reads go over to the twins; the tables are dropped, made again and compared;
reads come back. While a few keys change too often to be compared, gateways hold visits back in
their spools for some seconds; redirects go on. Takes twice the time that the log takes to be
read, and twice the space of the tables. It can be stopped and run again at any time: it goes on
from what it finds.

It asks the ksqlDB and the Kafka that the service uses, by the service's own variables: addresses,
credentials and TOPIC_PREFIX, or the embedded stack's ports (EMBEDDED_KSQLDB_PORT,
EMBEDDED_KAFKA_PORT) on this machine. One rebuild runs at a time, and none while a gateway applies
migrations.

Options:
  --grace SECONDS     how long gateways are given to follow a switch of reads (default 5)
  --timeout SECONDS   how long all of it may take (default 86400)
  -h, --help          this text

Exit status: 0 all tables were made again and are equal, 2 wrong arguments, 3 ksqlDB or Kafka
cannot be reached or refuses, another rebuild runs, or the tables do not become equal in time,
130 stopped by Ctrl-C.
`

/** Long enough for a killed run to be forgotten. */
const turnTimeoutMs = 30_000

const seconds = (name: string, text: string, min: number): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < min) throw new UsageError(`--${name} must be a number of seconds from ${min} on, not '${text}'`)
  return value * 1_000
}

/** Runs `linklog rebuild`; gives the exit status. */
export async function rebuildCommand (args: readonly string[], streams: Streams): Promise<number> {
  const { values: { grace, timeout, help }, positionals: [more] } = readArguments('rebuild', args, {
    grace: { type: 'string', default: '5' }, timeout: { type: 'string', default: '86400' }
  })
  if (help === true) {
    streams.stdout.write(rebuildHelp)
    return exitCodes.ok
  }
  if (more !== undefined) throw new UsageError(`What is '${more}'? See 'linklog rebuild --help'.`)
  const [graceMs, timeoutMs] = [seconds('grace', grace, 0), seconds('timeout', timeout, 1)]
  const config = readConfig(process.env)
  const names = namesFor(config.topicPrefix)
  const stack = await serviceStack(config)
  const ksqldb = new KsqlClient({
    url: stack.ksqldbUrl,
    credentials: config.ksqldbCredentials,
    pullTimeoutMs: config.startTimeoutMs
  })
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort(new Error('stopped'))
  process.once('SIGINT', interrupt)
  const stopping = AbortSignal.any([interrupted.signal, AbortSignal.timeout(timeoutMs)])
  const alone = ddlLock({ client: kafkaClient(config, stack, { joins: true }), groupId: names.ddlGroup, waitMs: turnTimeoutMs, signal: stopping })
  try {
    const files = await readMigrations(path.join(packageRoot(), 'ksql'))
    const compared = await alone(async lost => await new Rebuild({
      ksqldb,
      reads: new ViewReads(ksqldb, names),
      holds: new Holds(ksqldb, names),
      names,
      files,
      graceMs,
      now: Date.now,
      clock: () => performance.now(),
      wait,
      signal: AbortSignal.any([stopping, lost]),
      log: message => streams.stderr.write(`${message}\n`)
    }).run())
    streams.stdout.write(`${compared.size} tables made again and equal\n`)
    return exitCodes.ok
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    streams.stderr.write('Stopped. Run it again to go on.\n')
    return exitCodes.interrupted
  } finally {
    process.off('SIGINT', interrupt)
    await ksqldb.close()
  }
}
