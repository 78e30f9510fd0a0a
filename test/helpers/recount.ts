// Counts visits straight from the topic, with a foreign client and nothing of the gateway: what every total is held against.
import { randomUUID } from 'node:crypto'
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'

/** A record of the visits topic, as far as counting needs it. */
export interface VisitRecord {
  readonly link: string
  readonly visitId: string
  readonly url: string | null
  readonly outcome: string
  readonly visitedAtMs: number
  readonly isBot: boolean
  readonly referrer: string | null
  readonly browser: string
  readonly os: string
  readonly device: string
  readonly visitor: string
  readonly country: string | null
  readonly language: string | null
  readonly version: number
  readonly rule: number | null
}

export interface Tally { total: number, withoutBots: number }

export interface Where { readonly kafkaBrokers: readonly string[], readonly registryUrl: string }

const readTimeoutMs = 90_000

export interface TopicRecord<Value> {
  readonly key: string | undefined
  readonly keyBytes: Buffer | null
  readonly value: Value
  readonly headers: Readonly<Record<string, string>>
}

/** Every committed record of a topic, decoded by the schema it was written with, partition by partition in the order of the log. */
export async function readTopic<Value> (where: Where, topic: string): Promise<Array<TopicRecord<Value>>> {
  const kafka = new Kafka({ clientId: 'recount', brokers: [...where.kafkaBrokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const missing = new Map<number, bigint>()
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    if (BigInt(high) > BigInt(low)) missing.set(partition, BigInt(high) - 1n)
  }
  await admin.disconnect()
  if (missing.size === 0) return []

  const ends = new Map(missing)
  const decode = decoder(where.registryUrl)
  const records: Array<TopicRecord<Value>> = []
  // readUncommitted is false by default: records of transactions that were not committed are left out.
  const consumer = kafka.consumer({ groupId: `recount-${randomUUID()}`, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  try {
    await new Promise<void>((resolve, reject) => {
      // The end of a transaction is a record too, at the end of the log, and never reaches eachBatch: this event sees it.
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
        if (BigInt(payload.lastOffset) >= (missing.get(payload.partition) ?? 0n)) missing.delete(payload.partition)
        if (missing.size === 0) resolve()
      })
      // A transaction left open would hold the end back until the broker ends it.
      AbortSignal.timeout(readTimeoutMs).addEventListener('abort', () => reject(new Error(`${topic} was not read to its end within ${readTimeoutMs} ms`)))
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) return reject(payload.error)
        // kafkajs starts again by itself, a coordinator still loading; nothing was committed, so it reads from the start.
        records.length = 0
        for (const [partition, last] of ends) missing.set(partition, last)
      })
      consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const { key, value, headers = {} } of batch.messages) {
            if (value === null) continue
            const texts = Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, String(header)]))
            records.push({ key: key?.toString(), keyBytes: key, value: await decode(value) as Value, headers: texts })
          }
        }
      }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return records
}

/** Confluent's wire format: a zero byte, the schema's id in four bytes, Avro's binary encoding. */
function decoder (registryUrl: string): (bytes: Buffer) => Promise<unknown> {
  const types = new Map<number, Promise<avro.Type>>()
  const typeOf = async (id: number) => {
    const response = await fetch(`${registryUrl}/schemas/ids/${id}`)
    const { schema } = await response.json() as { schema: string }
    return avro.Type.forSchema(JSON.parse(schema) as avro.Schema)
  }
  return async (bytes) => {
    if (bytes.readUInt8(0) !== 0) throw new Error('Not in the wire format of the registry')
    const id = bytes.readUInt32BE(1)
    const type = types.get(id) ?? typeOf(id)
    types.set(id, type)
    return (await type).fromBuffer(bytes.subarray(5)) as unknown
  }
}

/** All visits in the topic. */
export async function readVisits (where: Where, topic: string): Promise<VisitRecord[]> {
  const records = await readTopic<Record<string, unknown>>(where, topic)
  return records.map(({ key, value }) => ({
    link: key ?? '',
    visitId: String(value.visit_id),
    url: value.url as string | null,
    outcome: String(value.outcome),
    visitedAtMs: Number(value.visited_at),
    isBot: value.bot as boolean,
    referrer: value.referrer as string | null,
    browser: String(value.browser),
    os: String(value.os),
    device: String(value.device),
    visitor: String(value.visitor),
    country: value.country as string | null,
    language: value.language as string | null,
    version: Number(value.version),
    rule: (value.rule ?? null) as number | null
  }))
}

/** Totals by whatever `keyOf` gives; a record for which it gives undefined is left out. */
export function tally (records: readonly VisitRecord[], keyOf: (record: VisitRecord) => string | undefined): Map<string, Tally> {
  const totals = new Map<string, Tally>()
  for (const record of records) {
    const key = keyOf(record)
    if (key === undefined) continue
    const { total, withoutBots } = totals.get(key) ?? { total: 0, withoutBots: 0 }
    totals.set(key, { total: total + 1, withoutBots: withoutBots + (record.isBot ? 0 : 1) })
  }
  return totals
}

/** The start of the hour (UTC) in which an instant falls. */
export const hourOf = (ms: number): string => new Date(Math.floor(ms / 3_600_000) * 3_600_000).toISOString()
