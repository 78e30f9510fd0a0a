// PRINT: a topic's records as lines of text, from the beginning or from now on.
import type { PartitionLog } from '../../log.js'
import { iterateBatches, type LogRecord } from '../../records/batch.js'
import { formatTimestamp } from '../plan/iso-time.js'
import type { Statement } from '../sql/ast.js'
import type { KsqlEngine } from './engine.js'
import { EngineError } from './errors.js'

type PrintTopic = Extract<Statement, { node: 'PrintTopic' }>

const READ_BYTES_MAX = 64 * 1024

interface Position { readonly partition: PartitionLog, offset: number }

/** Writes until LIMIT or the signal. Throws EngineError where there is no such topic. */
export async function printTopic (
  statement: PrintTopic, engine: KsqlEngine, signal: AbortSignal, write: (line: string) => Promise<void>, end: () => void
): Promise<void> {
  const topic = engine.log.describeTopic(statement.topic)
  if (topic === undefined) {
    throw new EngineError(`Could not find topic '${statement.topic}', or the KSQL user does not have permissions to list the topic. ` +
      'Topic names are case-sensitive.')
  }
  const positions: Position[] = []
  for (let i = 0; i < topic.partitions; i++) {
    const partition = engine.log.partition(topic.name, i)
    if (partition !== undefined) positions.push({ partition, offset: statement.fromBeginning ? partition.logStartOffset : partition.lastStableOffset })
  }
  await write('Key format: KAFKA_STRING\nValue format: KAFKA_STRING\n')
  await copyRecords(positions, statement, signal, write)
  end()
}

async function copyRecords (positions: readonly Position[], statement: PrintTopic, signal: AbortSignal, write: (line: string) => Promise<void>): Promise<void> {
  let seen = 0
  let printed = 0
  while (!signal.aborted) {
    let found = false
    for (const position of positions) {
      for (const record of await readFrom(position)) {
        found = true
        if (seen++ % (statement.interval ?? 1) !== 0) continue
        await write(line(record, position.partition.partition))
        if (++printed >= (statement.limit ?? Infinity) || signal.aborted) return
      }
    }
    if (!found) await appended(positions, signal)
  }
}

async function readFrom (position: Position): Promise<LogRecord[]> {
  const { partition } = position
  if (position.offset >= partition.lastStableOffset) return []
  const { batches, abortedTransactions } = await partition.read(position.offset, READ_BYTES_MAX)
  const records: LogRecord[] = []
  for (const batch of iterateBatches(batches)) {
    const aborted = batch.isTransactional && abortedTransactions.some(({ producerId, firstOffset }) =>
      producerId === batch.producerId && batch.baseOffset >= firstOffset)
    if (!batch.isControl && !aborted) for (const record of batch.records()) if (record.offset >= position.offset) records.push(record)
    position.offset = Math.max(position.offset, batch.lastOffset + 1)
  }
  return records
}

async function appended (positions: readonly Position[], signal: AbortSignal): Promise<void> {
  await new Promise<void>(resolve => {
    const ends: (() => void)[] = []
    const done = (): void => {
      for (const end of ends) end()
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    for (const { partition } of positions) ends.push(partition.onAppend(() => queueMicrotask(done)))
    if (signal.aborted || positions.some(({ partition, offset }) => partition.lastStableOffset > offset)) done()
  })
}

function line (record: LogRecord, partition: number): string {
  const text = (bytes: Buffer | null): string => bytes === null ? '<null>' : bytes.toString()
  const rowtime = `${formatTimestamp(record.timestamp).replaceAll('-', '/').replace('T', ' ')} Z`
  return `rowtime: ${rowtime}, key: ${text(record.key)}, value: ${text(record.value)}, partition: ${partition}\n`
}
