// The embedded ksqlDB as one thing: runtime, engine and REST server over a log and a registry.
import type { Log } from '../log.js'
import type { SchemaRegistry } from '../schema-registry.js'
import { KsqlEngine } from './engine/engine.js'
import { ProcessingLog, processingLogConfig, processingLogStatement } from './engine/processing-log.js'
import { SERVER_DEFAULTS, type Properties } from './engine/properties.js'
import { FunctionRegistry } from './plan/function-registry.js'
import { createBuiltInFunctions, systemContext } from './plan/functions/index.js'
import type { Credentials } from './rest/basic-auth.js'
import { RestServer } from './rest/server.js'
import type { RuntimeLogger } from './runtime/api.js'
import { Runtime } from './runtime/runtime.js'

export interface KsqlServerOptions {
  /** Where state stores are kept. */
  readonly dataDir: string
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  readonly logger?: RuntimeLogger
  /** What /info tells as the Kafka cluster's id. */
  readonly clusterId?: string
  /** Server properties over the defaults, by their full names, such as `ksql.streams.auto.offset.reset`. */
  readonly properties?: Properties
  /** Users and passwords for basic authentication; without, everybody may ask. */
  readonly credentials?: Credentials
}

export class KsqlServer {
  readonly engine: KsqlEngine
  readonly #runtime: Runtime
  readonly #processingLog: ProcessingLog
  readonly #rest: RestServer

  private constructor (engine: KsqlEngine, runtime: Runtime, processingLog: ProcessingLog, rest: RestServer) {
    this.engine = engine
    this.#runtime = runtime
    this.#processingLog = processingLog
    this.#rest = rest
  }

  /** Replays the command topic, goes on with its queries, then listens. Rejects where the port is taken or the state cannot be read. */
  static async open (options: KsqlServerOptions): Promise<KsqlServer> {
    const { dataDir, log, registry, logger, host, port } = options
    const functions = new FunctionRegistry(createBuiltInFunctions({ ...systemContext, properties: { ...SERVER_DEFAULTS, ...options.properties } }))
    const config = processingLogConfig({ ...SERVER_DEFAULTS, ...options.properties })
    const processingLog = new ProcessingLog({ log, config, ...(logger !== undefined && { logger }) })
    const runtime = await Runtime.open({
      dataDir, log, registry, functions, onProcessingError: error => processingLog.add(error),
      ...(options.properties !== undefined && { properties: options.properties }), ...(logger !== undefined && { logger })
    })
    try {
      await processingLog.open()
      const engine = await KsqlEngine.open({
        log, registry, runtime, functions,
        ...(logger !== undefined && { logger }),
        ...(options.properties !== undefined && { properties: options.properties })
      })
      if (config.createsStream && engine.isNew) await engine.execute({ ksql: processingLogStatement(config), properties: {} })
      const serviceId = options.properties?.['ksql.service.id'] ?? SERVER_DEFAULTS['ksql.service.id'] ?? ''
      return new KsqlServer(engine, runtime, processingLog, await RestServer.listen({
        engine, host, port, serviceId, clusterId: options.clusterId ?? 'embedded',
        ...(options.credentials !== undefined && { credentials: options.credentials })
      }))
    } catch (error) {
      await runtime.close()
      throw error
    }
  }

  get address (): { host: string, port: number } {
    return this.#rest.address
  }

  /** Ends push queries and connections, then the queries: they go on where they were at the next open. */
  async close (): Promise<void> {
    await this.#rest.close()
    await this.engine.close()
    await this.#runtime.close()
    await this.#processingLog.flush()
  }
}
