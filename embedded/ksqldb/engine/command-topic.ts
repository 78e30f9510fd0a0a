// The command topic: every statement that changed the engine, in order. It is what a start replays, as ksqlDB's own command topic is.
import { LogError, type Log, type PartitionLog } from '../../log.js'
import { encodeBatch, iterateBatches } from '../../records/batch.js'

export const COMMAND_TOPIC = '_confluent-ksql-default__command_topic'
const READ_BYTES_MAX = 1024 * 1024

/** `statement` is complete: it holds inferred columns, formats and topic properties, so that a replay asks nothing of the world. */
export interface Command {
  readonly statement: string
  /** Session properties in force, by bare names. */
  readonly streamsProperties: Readonly<Record<string, string>>
  /** Of the query that the statement starts. */
  readonly queryId?: string
  readonly version: 1
}

export interface StoredCommand { readonly offset: number, readonly commandId: string, readonly command: Command }

export class CommandTopic {
  readonly #partition: PartitionLog
  readonly #clock: () => number

  private constructor (partition: PartitionLog, clock: () => number) {
    this.#partition = partition
    this.#clock = clock
  }

  /** Makes the topic where it is not there. */
  static async open (log: Log, clock: () => number): Promise<CommandTopic> {
    if (log.describeTopic(COMMAND_TOPIC) === undefined) {
      await log.createTopic({ name: COMMAND_TOPIC, partitions: 1, config: { 'cleanup.policy': 'delete', 'retention.ms': '-1' } })
    }
    const partition = log.partition(COMMAND_TOPIC, 0)
    if (partition === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `${COMMAND_TOPIC} has no partition 0`)
    return new CommandTopic(partition, clock)
  }

  /** The offset that the next command gets, and so the number in its query's id. */
  get nextOffset (): number {
    return this.#partition.logEndOffset
  }

  /** Gives the command's offset. Once it resolves, the command is durable. */
  async append (commandId: string, command: Command): Promise<number> {
    const batch = encodeBatch([{ timestamp: this.#clock(), key: Buffer.from(JSON.stringify(commandId)), value: Buffer.from(JSON.stringify(command)) }])
    return (await this.#partition.append(batch)).baseOffset
  }

  /** All commands from the beginning. Records that are no command are left out; `onUnreadable` is told of them. */
  async * read (onUnreadable: (offset: number, reason: string) => void): AsyncGenerator<StoredCommand> {
    let offset = this.#partition.logStartOffset
    const end = this.#partition.lastStableOffset
    while (offset < end) {
      const { batches } = await this.#partition.read(offset, READ_BYTES_MAX)
      if (batches.length === 0) return
      for (const batch of iterateBatches(batches)) {
        for (const record of batch.isControl ? [] : batch.records()) {
          if (record.offset < offset) continue
          const command = decode(record.value)
          if (command === undefined) onUnreadable(record.offset, 'it is not a command of version 1')
          else yield { offset: record.offset, commandId: decodeId(record.key), command }
        }
        offset = Math.max(offset, batch.lastOffset + 1)
      }
    }
  }
}

function decode (value: Buffer | null): Command | undefined {
  try {
    const command = JSON.parse(value?.toString() ?? 'null') as Partial<Command> | null
    if (typeof command?.statement !== 'string' || command.version !== 1) return undefined
    return { ...command, statement: command.statement, version: 1, streamsProperties: command.streamsProperties ?? {} }
  } catch {
    return undefined
  }
}

function decodeId (key: Buffer | null): string {
  try {
    return String(JSON.parse(key?.toString() ?? '""'))
  } catch {
    return ''
  }
}
