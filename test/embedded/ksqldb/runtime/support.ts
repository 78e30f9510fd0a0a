// An engine over a log in memory, for tests of the runtime: statements in, records in, records out.
import { KsqlEngine } from '../../../../embedded/ksqldb/engine/engine.js'
import { CaseRegistry } from '../../../../embedded/ksqldb/conformance/case-registry.js'
import { FunctionRegistry } from '../../../../embedded/ksqldb/plan/function-registry.js'
import { builtInFunctions } from '../../../../embedded/ksqldb/plan/functions/index.js'
import type { ProcessingError, RunningQuery } from '../../../../embedded/ksqldb/runtime/api.js'
import { Runtime } from '../../../../embedded/ksqldb/runtime/runtime.js'
import { encodeBatch, iterateBatches } from '../../../../embedded/records/batch.js'
import type { LogRecord } from '../../../../embedded/records/batch.js'
import type { Log } from '../../../../embedded/log.js'

const functions = new FunctionRegistry(builtInFunctions)

export interface Stack {
  readonly runtime: Runtime
  readonly engine: KsqlEngine
  readonly errors: readonly ProcessingError[]
  /** Executes statements; queries read from the beginning. */
  run (ksql: string, properties?: Record<string, string>): Promise<void>
  /** The only query. */
  query (): RunningQuery
  settled (): Promise<void>
  close (): Promise<void>
}

export async function openStack (log: Log, dataDir: string, registry = new CaseRegistry()): Promise<Stack> {
  const errors: ProcessingError[] = []
  const runtime = await Runtime.open({ dataDir, log, registry, functions, onProcessingError: error => { errors.push(error) } })
  const engine = await KsqlEngine.open({ log, registry, runtime, functions })
  return {
    runtime, engine, errors,
    run: async (ksql, properties = {}) => { await engine.execute({ ksql, properties: { 'auto.offset.reset': 'earliest', ...properties } }) },
    query: () => runtime.query(engine.state.queries()[0]!.id)!,
    settled: async () => { for (const { id } of engine.state.queries()) await runtime.query(id)!.caughtUp() },
    close: async () => {
      await engine.close()
      await runtime.close()
    }
  }
}

export interface Sent { readonly key?: string | null, readonly value: string | null, readonly timestamp?: number, readonly partition?: number }

/** Appends records, each as a batch of its own. */
export async function send (log: Log, topic: string, ...records: readonly Sent[]): Promise<void> {
  for (const { key = null, value, timestamp = 0, partition = 0 } of records) {
    const bytes = (text: string | null): Buffer | null => text === null ? null : Buffer.from(text)
    await log.partition(topic, partition)!.append(encodeBatch([{ timestamp, key: bytes(key), value: bytes(value) }]))
  }
}

/** All records of a topic, partition by partition. */
export async function recordsOf (log: Log, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  for (let partition = 0; partition < log.describeTopic(topic)!.partitions; partition++) {
    const { batches } = await log.partition(topic, partition)!.read(0, Number.MAX_SAFE_INTEGER)
    for (const batch of iterateBatches(batches)) records.push(...batch.records())
  }
  return records
}

/** `key value` of each record of a topic. */
export async function textsOf (log: Log, topic: string): Promise<string[]> {
  return (await recordsOf(log, topic)).map(({ key, value }) => `${key?.toString() ?? 'null'} ${value?.toString() ?? 'null'}`)
}
