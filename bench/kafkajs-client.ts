// kafkajs as a client of the broker benchmark, in a process of its own: produces numbered records, or consumes them all and checks the numbers.
import { Kafka, logLevel } from 'kafkajs'
import type { Message } from 'kafkajs'
import { BATCH_RECORDS, IN_FLIGHT, RECORD_BYTES } from './broker-load.js'

export interface KafkajsOrder {
  readonly task: 'produce' | 'consume'
  /** host:port */
  readonly brokers: string
  readonly topic: string
  readonly records: number
}

export interface KafkajsResult { readonly seconds: number }

const CONSUME_TIMEOUT_MS = 600_000

/** The number in the first eight bytes, then bytes that differ from record to record. */
function recordOf (number: number, filler: Buffer): Buffer {
  const value = Buffer.allocUnsafe(RECORD_BYTES)
  value.writeDoubleBE(number)
  filler.copy(value, 8, number % RECORD_BYTES, number % RECORD_BYTES + RECORD_BYTES - 8)
  return value
}

async function produce (kafka: Kafka, { topic, records }: KafkajsOrder): Promise<KafkajsResult> {
  const filler = Buffer.from(Array.from({ length: 2 * RECORD_BYTES }, (_, at) => at * 167 % 251))
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  let next = 0
  const send = async (): Promise<void> => {
    while (next < records) {
      const messages: Message[] = []
      while (messages.length < BATCH_RECORDS && next < records) messages.push({ value: recordOf(next++, filler) })
      await producer.send({ topic, acks: -1, messages })
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, send))
  const seconds = (performance.now() - started) / 1000
  await producer.disconnect()
  return { seconds }
}

/** Timed from the moment the group has its partitions. Throws unless each number came once. */
async function consume (kafka: Kafka, { topic, records }: KafkajsOrder): Promise<KafkajsResult> {
  const consumer = kafka.consumer({ groupId: `bench-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen = new Uint8Array(records)
  let count = 0
  let started = 0
  consumer.on(consumer.events.GROUP_JOIN, () => { started = performance.now() })
  const seconds = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${count} of ${records} records consumed after ${CONSUME_TIMEOUT_MS} ms`)), CONSUME_TIMEOUT_MS)
    // It starts again by itself where the coordinator was still loading; once records came, that would count some twice.
    consumer.on(consumer.events.CRASH, ({ payload }) => { if (!payload.restart || count > 0) reject(payload.error) })
    consumer.run({
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) {
          const number = value?.length === RECORD_BYTES ? value.readDoubleBE() : -1
          if (seen[number] !== 0) reject(new Error(`Record ${number} came twice, or was never produced`))
          seen[number] = 1
          count++
        }
        if (count < records) return
        clearTimeout(timer)
        resolve((performance.now() - started) / 1000)
      }
    }).catch(reject)
  })
  await consumer.disconnect()
  return { seconds }
}

process.once('message', (order: KafkajsOrder) => {
  const kafka = new Kafka({ clientId: 'bench', brokers: [order.brokers], logLevel: logLevel.ERROR })
  const work = order.task === 'produce' ? produce : consume
  work(kafka, order).then(result => process.send?.(result, () => process.exit(0)), (error: unknown) => {
    process.stderr.write(`kafkajs: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`)
    process.exit(1)
  })
})
