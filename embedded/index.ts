// The embedded stack: broker, registry and engine started in order in one process, and closed in the opposite order.
import { join } from 'node:path'
import { Broker } from './broker/broker.js'
import { KsqlServer } from './ksqldb/index.js'
import { Registry } from './registry/index.js'

export interface EmbeddedLogger {
  info (message: string): void
  warn (message: string): void
  error (message: string): void
}

export interface EmbeddedOptions {
  /** All that is kept stands below this folder; one process at a time. */
  readonly dataDir: string
  /** The address that all three listen on. */
  readonly host: string
  /** 0 is any free port. */
  readonly kafkaPort: number
  readonly registryPort: number
  readonly ksqldbPort: number
  /** `interval`: written to disk every second and on close. `always`: before each acknowledgement. */
  readonly fsync: 'interval' | 'always'
  readonly logger: EmbeddedLogger
}

export interface Embedded {
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
  readonly ksqldbUrl: string
  close (): Promise<void>
}

function authority (address: { host: string, port: number }): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

async function closeAll (closers: (() => unknown)[]): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

/** What a ksqlDB of one's own is usually given: what queries could not process can be asked for in ksql. */
const KSQLDB_PROPERTIES = { 'ksql.logging.processing.topic.auto.create': 'true', 'ksql.logging.processing.stream.auto.create': 'true' }

/** Starts the three. Throws where a port is taken, the folder is in use or its data cannot be read; nothing stays open then. */
export async function startEmbedded (options: EmbeddedOptions): Promise<Embedded> {
  const { dataDir, host, logger } = options
  const closers: (() => unknown)[] = []
  try {
    // The broker comes first and goes last: its hold on its folder is the hold on the whole.
    const broker = await Broker.open({ dataDir: join(dataDir, 'kafka'), host, port: options.kafkaPort, fsync: options.fsync, logger })
    closers.push(() => broker.close())
    const registry = await Registry.open({ log: broker, logger })
    closers.push(() => registry.close())
    const registryAddress = await registry.listen({ host, port: options.registryPort })
    const ksqldb = await KsqlServer.open({
      dataDir: join(dataDir, 'ksqldb'), log: broker, registry, host, port: options.ksqldbPort, logger, properties: KSQLDB_PROPERTIES
    })
    closers.push(() => ksqldb.close())
    return {
      kafkaBrokers: authority(broker.address),
      schemaRegistryUrl: `http://${authority(registryAddress)}`,
      ksqldbUrl: `http://${authority(ksqldb.address)}`,
      close: () => closeAll(closers)
    }
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}
