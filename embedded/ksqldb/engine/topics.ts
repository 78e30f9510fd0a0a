// Topics as the engine sees them: those of the log, and on a trial run those that a statement before would have made.
import { LogError, type Log, type TopicDescription, type TopicSpec } from '../../log.js'

export interface TopicView {
  describe (name: string): TopicDescription | undefined
  create (spec: TopicSpec): Promise<void>
  delete (name: string): Promise<void>
}

export class LogTopics implements TopicView {
  readonly #log: Log

  constructor (log: Log) {
    this.#log = log
  }

  describe (name: string): TopicDescription | undefined {
    return this.#log.describeTopic(name)
  }

  /** No error where the topic is there already. */
  async create (spec: TopicSpec): Promise<void> {
    try {
      await this.#log.createTopic(spec)
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'TOPIC_ALREADY_EXISTS') throw error
    }
  }

  /** No error where the topic is gone already. */
  async delete (name: string): Promise<void> {
    try {
      await this.#log.deleteTopic(name)
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
    }
  }
}

/** Changes nothing outside itself. */
export class TrialTopics implements TopicView {
  readonly #real: TopicView
  readonly #changes = new Map<string, TopicDescription | undefined>()

  constructor (real: TopicView) {
    this.#real = real
  }

  describe (name: string): TopicDescription | undefined {
    return this.#changes.has(name) ? this.#changes.get(name) : this.#real.describe(name)
  }

  async create (spec: TopicSpec): Promise<void> {
    if (this.describe(spec.name) !== undefined) return
    const { name, partitions } = spec
    this.#changes.set(name, { name, partitions, replicationFactor: spec.replicationFactor ?? 1, config: spec.config ?? {} })
  }

  async delete (name: string): Promise<void> {
    this.#changes.set(name, undefined)
  }
}
