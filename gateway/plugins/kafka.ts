// app.kafka: one client of the cluster, a producer that sends together what was written together, and an admin.
import fp from 'fastify-plugin'
import { Kafka, logLevel, Partitioners, type Admin, type KafkaConfig, type RetryOptions } from 'kafkajs'
import type { Config, StackAddresses } from '../config.js'
import { EventWriter } from '../events/writer.js'
import { lookOnlyWhereRequestsWait } from '../log/kafka-requests.js'
import { kafkaSockets } from '../log/kafka-socket.js'

export interface KafkaAccess {
  readonly client: Kafka
  readonly admin: Admin
  readonly events: EventWriter
}

declare module 'fastify' {
  interface FastifyInstance { kafka: KafkaAccess }
}

const quiet = () => () => {}

lookOnlyWhereRequestsWait()

const requestTimeoutMs = 10_000
/** A member of a group is let wait for the others to join it: kafkajs's rebalanceTimeout, a minute, and the five seconds that it adds. */
const joinTimeoutMs = 65_000
/** kafkajs's own time-out goes first. */
const silenceMs = 2_000

export interface KafkaClientOptions {
  readonly retry?: RetryOptions
  /** Whether it is for members of groups. */
  readonly joins?: boolean
}

/** A kafkajs client for the configured cluster. */
export const kafkaClient = (config: Config, stack: StackAddresses, { retry = {}, joins = false }: KafkaClientOptions = {}): Kafka => {
  const settings: KafkaConfig = {
    clientId: 'linklog-gateway',
    brokers: [...stack.kafkaBrokers],
    ssl: config.kafka.ssl,
    connectionTimeout: 3_000,
    requestTimeout: requestTimeoutMs,
    socketFactory: kafkaSockets((joins ? joinTimeoutMs : requestTimeoutMs) + silenceMs),
    retry: { initialRetryTime: 50, maxRetryTime: 2_000, retries: 8, ...retry },
    logLevel: logLevel.NOTHING,
    logCreator: quiet
  }
  if (config.kafka.credentials !== undefined) {
    const { username, password } = config.kafka.credentials
    // kafkajs types each mechanism apart; the three take the same fields
    settings.sasl = { mechanism: config.kafka.mechanism as 'plain', username, password }
  }
  return new Kafka(settings)
}

export const kafkaPlugin = fp<{ config: Config, stack: StackAddresses }>(async (app, { config, stack }) => {
  const client = kafkaClient(config, stack)
  const admin = client.admin()
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false })
  const events = new EventWriter(producer)
  await Promise.all([admin.connect(), producer.connect()])
  app.decorate('kafka', { client, admin, events })
  app.addHook('onClose', async () => {
    await events.close()
    await Promise.allSettled([producer.disconnect(), admin.disconnect()])
  })
}, { name: 'kafka' })
