// PRINT: a topic's records as lines of text, from the beginning or from now on.
import type { PartitionLog } from '../../log.js'
import { iterateBatches, type LogRecord } from '../../records/batch.js'
import type { Statement } from '../sql/ast.js'
import type { KsqlEngine } from './engine.js'
import { EngineError } from './errors.js'
import { RecordFormatter, type PrintedRecord } from './record-formatter.js'

type PrintTopic = Extract<Statement, { node: 'PrintTopic' }>

const READ_BYTES_MAX = 64 * 1024
/** Records whose formats are looked at together: as many as a Kafka consumer's poll gives. */
const POLL_RECORDS_MAX = 500

interface Position { readonly partition: PartitionLog, offset: number }

type Write = (text: string) => Promise<void>

/** Writes until LIMIT or the signal. Throws EngineError where there is no such topic. */
export async function printTopic (
  statement: PrintTopic, engine: KsqlEngine, signal: AbortSignal, write: Write, end: () => void
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
  await copyRecords(positions, statement, new RecordFormatter(engine.registry), signal, write)
  end()
}

async function copyRecords (
  positions: readonly Position[], { interval = 1, limit = Infinity }: PrintTopic, formatter: RecordFormatter, signal: AbortSignal, write: Write
): Promise<void> {
  const formats = formatLines(formatter)
  let seen = 0
  let printed = 0
  while (!signal.aborted) {
    let found = false
    for await (const records of polls(positions)) {
      found = true
      const lines = (await formatter.format(records)).filter(() => seen++ % interval === 0).slice(0, limit - printed)
      printed += lines.length
      await write([...formats(), ...lines].map(line => `${line}\n`).join(''))
      if (printed >= limit || signal.aborted) return
    }
    if (found) continue
    await write('\n') // ksqlDB's sign of life where there is nothing to print.
    await appended(positions, signal)
  }
}

/** What is there now, once through all partitions; a few are taken together, up to a poll's number of records. */
async function * polls (positions: readonly Position[]): AsyncGenerator<PrintedRecord[]> {
  let waiting: PrintedRecord[] = []
  for (const position of positions) {
    const { partition } = position.partition
    for (const { timestamp, key, value } of await readFrom(position)) waiting.push({ timestamp, key, value, partition })
    while (waiting.length >= POLL_RECORDS_MAX) {
      yield waiting.slice(0, POLL_RECORDS_MAX)
      waiting = waiting.slice(POLL_RECORDS_MAX)
    }
  }
  if (waiting.length > 0) yield waiting
}

/** The lines that tell of formats, whenever they have changed. */
function formatLines (formatter: RecordFormatter): () => string[] {
  const told = new Map<string, string>()
  const line = (prefix: string, formats: readonly string[]): string[] => {
    const text = formats.length > 0
      ? formats.join(' or ')
      : ' does not match any supported format. It may be a STRING with encoding other than UTF8, or some other format.'
    if (told.get(prefix) === text) return []
    told.set(prefix, text)
    return [prefix + text]
  }
  return () => [...line('Key format: ', formatter.keyFormats), ...line('Value format: ', formatter.valueFormats)]
}

async function readFrom (position: Position): Promise<LogRecord[]> {
  const { partition } = position
  position.offset = Math.max(position.offset, partition.logStartOffset) // Retention may have passed it.
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
