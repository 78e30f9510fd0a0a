// A broker of a test's own and a kafkajs client for it, both gone when the test ends.
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs'
import type { Test } from 'tap'
import { Broker, type BrokerOptions } from '../../../embedded/broker/broker.js'
import { testdir } from '../../helpers/testdir.js'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

export interface Started {
  readonly broker: Broker
  readonly dataDir: string
  readonly warnings: string[]
  readonly kafka: Kafka
}

export async function startBroker (t: Test, options: Partial<BrokerOptions> = {}, client: Partial<KafkaConfig> = {}): Promise<Started> {
  const dataDir = options.dataDir ?? testdir(t)
  const warnings: string[] = []
  const broker = await Broker.open({ dataDir, host: '127.0.0.1', port: 0, logger: { warn: message => warnings.push(message) }, ...options })
  t.teardown(async () => await broker.close())
  return { broker, dataDir, warnings, kafka: clientOf(broker, client) }
}

export function clientOf (broker: Broker, client: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    clientId: 'test', brokers: [`127.0.0.1:${broker.address.port}`], logLevel: logLevel.NOTHING, retry: { retries: 3, initialRetryTime: 20 }, ...client
  })
}

/** Reads a topic as a group does until `count` messages have come, and leaves. */
export async function consume (
  kafka: Kafka, topic: string, count: number, options: { groupId?: string, readUncommitted?: boolean } = {}
): Promise<{ partition: number, offset: string, key: string | null, value: string | null, headers: object, timestamp: string }[]> {
  const consumer = kafka.consumer({
    groupId: options.groupId ?? `group-${topic}-${count}`, readUncommitted: options.readUncommitted ?? false, maxWaitTimeInMs: 100
  })
  const messages: Awaited<ReturnType<typeof consume>> = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        messages.push({
          partition,
          offset: message.offset,
          key: message.key?.toString() ?? null,
          value: message.value?.toString() ?? null,
          headers: Object.fromEntries(Object.entries(message.headers ?? {}).map(([key, value]) => [key, value?.toString()])),
          timestamp: message.timestamp
        })
        if (messages.length === count) resolve()
      }
    }).catch(reject)
  })
  await consumer.disconnect()
  return messages
}

/** What an error must have besides its class: the fields that kafkajs adds to its errors are not in Error's type. */
export function has (fields: object): Error {
  return fields as Error
}
