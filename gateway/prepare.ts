// Waits for the stack, and makes the topics. What the gateway needs before it can promise anything.
import kafkajs, { type Admin } from 'kafkajs'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { Config, StackAddresses } from './config.js'
import { keysTopic, logTopics, type Names } from './topics.js'

const attemptMs = 3_000

const accepts = async (broker: string): Promise<void> => {
  const separator = broker.lastIndexOf(':')
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: broker.slice(0, separator).replace(/^\[(.*)\]$/, '$1'), port: Number(broker.slice(separator + 1)), timeout: attemptMs })
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
  })
}

/** @throws the error of the first broker where none does. */
const anyAccepts = async (brokers: readonly string[]): Promise<void> => {
  await Promise.any(brokers.map(accepts)).catch((error: unknown) => { throw error instanceof AggregateError ? error.errors[0] : error })
}

const answers = async (url: string): Promise<void> => {
  const { statusCode, body } = await request(url, { headersTimeout: attemptMs, bodyTimeout: attemptMs })
  await body.dump()
  // 401 and 403: it is there, and what it thinks of our credentials is told by those who use them
  if (statusCode >= 400 && statusCode !== 401 && statusCode !== 403) throw new Error(`HTTP ${statusCode}`)
}

const until = async (what: string, check: () => Promise<void>, timeoutMs: number): Promise<void> => {
  const deadline = performance.now() + timeoutMs
  for (let delay = 20; ; delay = Math.min(delay * 2, 1_000)) {
    try {
      await check()
      return
    } catch (error) {
      if (performance.now() + delay > deadline) throw new Error(`${what} does not answer: ${(error as Error).message}`, { cause: error })
      await wait(delay)
    }
  }
}

/** Resolves once all three take requests. @throws Error naming the one that does not in time. */
export const stackAnswers = async (stack: StackAddresses, timeoutMs: number): Promise<void> => {
  await Promise.all([
    until(`Kafka at ${stack.kafkaBrokers.join(', ')}`, async () => await anyAccepts(stack.kafkaBrokers), timeoutMs),
    until(`Schema Registry at ${stack.schemaRegistryUrl}`, async () => await answers(`${stack.schemaRegistryUrl}/subjects`), timeoutMs),
    until(`ksqlDB at ${stack.ksqldbUrl}`, async () => await answers(`${stack.ksqldbUrl}/info`), timeoutMs)
  ])
}

/** Which of the logs that are there do not keep everything: what they drop can never be counted again. */
const forgetful = async (admin: Admin, topics: readonly string[]): Promise<readonly string[]> => {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(name => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms', 'retention.bytes', 'cleanup.policy'] }))
  })
  return resources.flatMap(({ resourceName, configEntries }) => configEntries
    .filter(({ configName, configValue }) => configValue !== (configName === 'cleanup.policy' ? 'delete' : '-1'))
    .map(({ configName, configValue }) => `${resourceName} has ${configName}=${configValue}`))
}

/** Whether the topic of keys keeps what was written over: then an erasure hides, and destroys nothing. */
const unforgetting = async (admin: Admin, name: string): Promise<readonly string[]> => {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['cleanup.policy'] }]
  })
  const policy = resources.find(({ resourceName }) => resourceName === name)?.configEntries.find(({ configName }) => configName === 'cleanup.policy')?.configValue
  return policy === undefined || policy === 'compact' ? [] : [`${name} has cleanup.policy=${policy}`]
}

/**
 * Makes the logs and the topic of keys where they are not there yet; those that are there keep their settings.
 * @returns what is wrong with those settings, to be told to whoever runs it.
 */
export const makeTopics = async (admin: Admin, names: Names, config: Config): Promise<readonly string[]> => {
  const settings = { partitions: config.topicPartitions, replicationFactor: config.topicReplicationFactor }
  const topics = logTopics(names, settings)
  const all = [...topics, keysTopic(names, settings)]
  const made = await admin.createTopics({ topics: all, waitForLeaders: true })
  // a leader that is named may not know it yet, and kafkajs takes its refusal for an answer
  const led = async (topic: string): Promise<void> => { await admin.fetchTopicOffsets(topic) }
  if (made) await Promise.all(all.map(async ({ topic }) => await until(`The leader of ${topic}`, async () => await led(topic), config.startTimeoutMs)))
  return made ? [] : [...await forgetful(admin, topics.map(({ topic }) => topic)), ...await unforgetting(admin, names.visitKeys)]
}
