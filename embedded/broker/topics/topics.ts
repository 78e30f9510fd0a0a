// The topics: what there is, how it is set, and the logs of its partitions.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LogError, type TopicConfig, type TopicDescription, type TopicSpec } from '../../log.js'
import { DiskLog, type LogEnvironment } from '../log/partition-log.js'
import type { LogConfig } from '../log/log-config.js'
import { METADATA_LOG, type MetadataStore } from './metadata-store.js'
import { checkTopicConfig, parseLogConfig } from './topic-config.js'

/** One file descriptor a partition: more would end in EMFILE on an ordinary machine. */
const PARTITIONS_MAX = 20_000
const NAME_LENGTH_MAX = 249
const DELETED_SUFFIX = '-delete'
const STRAY_SUFFIX = '-stray'

export const GROUP_OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTION_TOPIC = '__transaction_state'
const INTERNAL: ReadonlySet<string> = new Set([GROUP_OFFSETS_TOPIC, TRANSACTION_TOPIC])

interface StoredTopic { readonly id: string, readonly partitions: number, readonly config: TopicConfig }

export interface Topic {
  readonly name: string
  /** A uuid in base64url, as Kafka prints it. */
  readonly id: string
  readonly isInternal: boolean
  readonly config: TopicConfig
  readonly logs: readonly DiskLog[]
}

interface MutableTopic extends Topic { config: TopicConfig, logs: readonly DiskLog[], parsed: LogConfig }

export interface TopicDefaults {
  readonly partitions: number
  /** Settings of topics that do not set their own: the broker's log.* settings by their topic names. */
  readonly config: TopicConfig
}

export class Topics {
  readonly #dataDir: string
  readonly #store: MetadataStore
  readonly #environment: LogEnvironment
  readonly #defaults: TopicDefaults
  readonly #topics = new Map<string, MutableTopic>()
  readonly #names = new Map<string, string>()
  #changes: Promise<unknown> = Promise.resolve()

  private constructor (dataDir: string, store: MetadataStore, environment: LogEnvironment, defaults: TopicDefaults) {
    this.#dataDir = dataDir
    this.#store = store
    this.#environment = environment
    this.#defaults = defaults
  }

  static async open (dataDir: string, store: MetadataStore, environment: LogEnvironment, defaults: TopicDefaults): Promise<Topics> {
    const topics = new Topics(dataDir, store, environment, defaults)
    const stored = [...store.entries<StoredTopic>('topic/')]
    await topics.#sweep(new Set(stored.flatMap(([name, { partitions }]) => Array.from({ length: partitions }, (_, i) => `${name}-${i}`))))
    for (const [name, topic] of stored) await topics.#load(name, topic)
    return topics
  }

  /** Removes what deletions left and sets aside what belongs to no topic. */
  async #sweep (known: ReadonlySet<string>): Promise<void> {
    for (const entry of await readdir(this.#dataDir, { withFileTypes: true })) {
      const { name } = entry
      if (!entry.isDirectory() || known.has(name) || name.endsWith(STRAY_SUFFIX) || name === `${METADATA_LOG.topic}-${METADATA_LOG.partition}`) continue
      const path = join(this.#dataDir, name)
      if (name.endsWith(DELETED_SUFFIX)) {
        await rm(path, { recursive: true, force: true })
      } else if (/-\d+$/.test(name)) {
        this.#environment.warn(`${name} belongs to no topic: set aside as ${name}${STRAY_SUFFIX}`)
        await rename(path, `${path}.${randomBytes(6).toString('hex')}${STRAY_SUFFIX}`)
      }
    }
  }

  async #load (name: string, stored: StoredTopic): Promise<MutableTopic> {
    const topic: MutableTopic = {
      name, id: stored.id, isInternal: INTERNAL.has(name), config: stored.config, logs: [], parsed: this.#parse(stored.config)
    }
    topic.logs = await this.#openLogs(topic, 0, stored.partitions)
    this.#topics.set(name, topic)
    this.#names.set(topic.id, name)
    return topic
  }

  #parse (config: TopicConfig): LogConfig {
    return parseLogConfig({ ...this.#defaults.config, ...config })
  }

  async #openLogs (topic: MutableTopic, from: number, to: number): Promise<DiskLog[]> {
    return await Promise.all(Array.from({ length: to - from }, async (_, i) => {
      const partition = from + i
      const dir = join(this.#dataDir, `${topic.name}-${partition}`)
      await mkdir(dir, { recursive: true })
      const start = this.#store.get<number>(`log-start/${topic.name}/${partition}`) ?? 0
      return await DiskLog.open({ topic: topic.name, partition, dir }, () => topic.parsed, this.#environment, start)
    }))
  }

  /** One change after the other: two creates of one name must not meet. */
  #inOrder<T> (work: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(work)
    this.#changes = result.catch(() => {})
    return result
  }

  all (): Iterable<Topic> { return this.#topics.values() }
  get (name: string): Topic | undefined { return this.#topics.get(name) }
  nameOf (id: string): string | undefined { return this.#names.get(id) }
  log (topic: string, partition: number): DiskLog | undefined { return this.#topics.get(topic)?.logs[partition] }

  get partitionCount (): number {
    let count = 0
    for (const { logs } of this.#topics.values()) count += logs.length
    return count
  }

  /** Checks a creation without doing it. Throws LogError. */
  check (spec: TopicSpec): { partitions: number } {
    checkName(spec.name)
    if (this.#topics.has(spec.name)) throw new LogError('TOPIC_ALREADY_EXISTS', `Topic '${spec.name}' already exists.`)
    const alike = [...this.#topics.keys()].find(name => name.replaceAll('.', '_') === spec.name.replaceAll('.', '_'))
    if (alike !== undefined) {
      throw new LogError('INVALID_TOPIC_EXCEPTION', `Topic '${spec.name}' collides with existing topic: ${alike}`)
    }
    const partitions = spec.partitions === -1 ? this.#defaults.partitions : spec.partitions
    if (!Number.isInteger(partitions) || partitions <= 0) {
      throw new LogError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
    }
    if (this.partitionCount + partitions > PARTITIONS_MAX) {
      throw new LogError('INVALID_PARTITIONS', `This broker holds at most ${PARTITIONS_MAX} partitions`)
    }
    const factor = spec.replicationFactor ?? -1
    if (factor !== -1 && factor !== 1) {
      throw new LogError('INVALID_REPLICATION_FACTOR', factor <= 0
        ? 'Replication factor must be larger than 0, or -1 to use the default value.'
        : `Unable to replicate the partition ${factor} time(s): The target replication factor of ${factor} cannot be reached because only 1 broker(s) are registered.`)
    }
    checkTopicConfig(spec.config ?? {})
    return { partitions }
  }

  async create (spec: TopicSpec): Promise<Topic> {
    return await this.#inOrder(async () => {
      const { partitions } = this.check(spec)
      const stored: StoredTopic = { id: randomBytes(16).toString('base64url'), partitions, config: { ...spec.config } }
      await this.#store.set([[`topic/${spec.name}`, stored]])
      return await this.#load(spec.name, stored)
    })
  }

  async delete (name: string): Promise<void> {
    await this.#inOrder(async () => {
      const topic = this.#require(name)
      this.#topics.delete(name)
      this.#names.delete(topic.id)
      await this.#store.set([[`topic/${name}`, undefined], ...this.#partitionKeys(topic).map(key => [key, undefined] as const)])
      for (const log of topic.logs) {
        await log.discard()
        const doomed = join(this.#dataDir, `${name}-${log.partition}.${randomBytes(6).toString('hex')}${DELETED_SUFFIX}`)
        await rename(log.dir, doomed)
        await rm(doomed, { recursive: true, force: true })
      }
    })
  }

  #partitionKeys (topic: Topic): string[] {
    const keys = topic.logs.flatMap(({ partition }) => [`log-start/${topic.name}/${partition}`, `cleaned/${topic.name}/${partition}`])
    return keys.filter(key => this.#store.get(key) !== undefined)
  }

  #require (name: string): MutableTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' does not exist.`)
    return topic
  }

  /** Checks a number of partitions to grow to. Throws LogError UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS. */
  checkPartitions (name: string, count: number): void {
    const { logs } = this.#require(name)
    if (count <= logs.length) {
      throw new LogError('INVALID_PARTITIONS', count === logs.length
        ? `Topic already has ${logs.length} partition(s).`
        : `The topic ${name} currently has ${logs.length} partition(s); ${count} would not be an increase.`)
    }
    if (this.partitionCount + count - logs.length > PARTITIONS_MAX) {
      throw new LogError('INVALID_PARTITIONS', `This broker holds at most ${PARTITIONS_MAX} partitions`)
    }
  }

  async addPartitions (name: string, count: number): Promise<void> {
    await this.#inOrder(async () => {
      this.checkPartitions(name, count)
      const topic = this.#require(name)
      await this.#store.set([[`topic/${name}`, { id: topic.id, partitions: count, config: topic.config }]])
      topic.logs = [...topic.logs, ...await this.#openLogs(topic, topic.logs.length, count)]
    })
  }

  /** Replaces what is set on a topic. Throws LogError INVALID_CONFIG. */
  async configure (name: string, change: (config: TopicConfig) => TopicConfig, validateOnly = false): Promise<void> {
    await this.#inOrder(async () => {
      const topic = this.#require(name)
      const config = change(topic.config)
      checkTopicConfig(config)
      if (validateOnly) return
      await this.#store.set([[`topic/${name}`, { id: topic.id, partitions: topic.logs.length, config }]])
      topic.config = config
      topic.parsed = this.#parse(config)
    })
  }

  /** Removes records before `offset`. Where the log begins is kept before anything goes. */
  async deleteRecords (log: DiskLog, offset: number): Promise<void> {
    if (offset > log.logEndOffset || offset < 0) {
      throw new LogError('OFFSET_OUT_OF_RANGE', `Offset ${offset} of ${log.topic}-${log.partition} is behind its end ${log.logEndOffset}`)
    }
    if (offset <= log.logStartOffset) return
    await this.#store.set([[`log-start/${log.topic}/${log.partition}`, offset]])
    await log.deleteBefore(offset)
  }

  describe (topic: Topic): TopicDescription {
    return { name: topic.name, partitions: topic.logs.length, replicationFactor: 1, config: topic.config }
  }

  /** The value in force of every setting, with where it comes from. */
  effectiveConfig (topic: Topic): { value: (name: string) => string | undefined, defaults: TopicConfig } {
    return { value: name => topic.config[name], defaults: this.#defaults.config }
  }

  async close (): Promise<void> {
    await this.#inOrder(async () => {
      for (const { logs } of this.#topics.values()) await Promise.all(logs.map(async log => await log.close()))
    })
  }
}

/** org.apache.kafka.common.internals.Topic.validate. */
function checkName (name: string): void {
  const wrong = name === ''
    ? 'the empty string is not allowed'
    : name === '.' || name === '..'
      ? `'${name}' is not allowed`
      : name.length > NAME_LENGTH_MAX
        ? `the length of '${name}' is longer than the max allowed length ${NAME_LENGTH_MAX}`
        : /^[a-zA-Z0-9._-]+$/.test(name)
          ? name === METADATA_LOG.topic ? `'${name}' is the broker's own` : undefined
          : `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  if (wrong !== undefined) throw new LogError('INVALID_TOPIC_EXCEPTION', `Topic name is invalid: ${wrong}`)
}
