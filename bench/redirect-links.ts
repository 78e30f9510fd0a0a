// Links for a benchmark, written to the log as any foreign program may: events by the schema that the registry has. Waits until the table has them all.
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { readLines } from '../gateway/ksqldb/lines.js'
import { linkName, linkUrl } from './visits.js'
import type { Addresses } from './stack.js'

const BATCH = 2_000
const HEADER_BYTES = 5
const TIMEOUT_MS = 600_000

async function encoder (registryUrl: string): Promise<(value: object) => Buffer> {
  const { body } = await request(`${registryUrl}/subjects/link-events-value/versions/latest`)
  const { id, schema } = await body.json() as { id: number, schema: string }
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
  const head = Buffer.alloc(HEADER_BYTES)
  head.writeUInt32BE(id, 1)
  return value => Buffer.concat([head, type.toBuffer(value)])
}

const created = (n: number): object => ({
  event_id: `01936f00-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
  type: 'LinkCreated',
  occurred_at: Date.UTC(2026, 0, 1),
  actor: 'bench',
  reason: null,
  base_version: 0,
  doc: {
    url: linkUrl(n), title: null, tags: [], enabled: true, deleted: false, valid_from: null, valid_until: null, max_visits: null, redirect_status: 302,
    forward_query: false, rules: []
  }
})

/** The lines of a pull query's answer, one after another, each as it stands. */
export async function pullLines (ksqldbUrl: string, sql: string, onLine: (line: string) => void): Promise<void> {
  const { statusCode, body } = await request(`${ksqldbUrl}/query-stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/vnd.ksqlapi.delimited.v1' },
    body: JSON.stringify({ sql }),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS
  })
  if (statusCode !== 200) throw new Error(`ksqlDB answered ${statusCode} to ${sql}: ${await body.text()}`)
  for await (const line of readLines(body)) if (line.startsWith('[')) onLine(line)
}

/** Writes `count` links, from the first number on, and resolves when the table answers for the last of them. */
export async function makeLinks ({ kafkaBrokers, schemaRegistryUrl, ksqldbUrl }: Addresses, from: number, count: number): Promise<void> {
  const encode = await encoder(schemaRegistryUrl)
  const producer = new Kafka({ clientId: 'bench', brokers: kafkaBrokers.split(','), logLevel: logLevel.ERROR }).producer()
  await producer.connect()
  for (let n = from; n < from + count; n += BATCH) {
    const length = Math.min(BATCH, from + count - n)
    await producer.send({ topic: 'link-events', acks: -1, messages: Array.from({ length }, (_, at) => ({ key: linkName(n + at), value: encode(created(n + at)) })) })
  }
  await producer.disconnect()
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    // partitions are worked through side by side: the last few hundred are in all of them
    const asked = Array.from({ length: Math.min(count, 200) }, (_, at) => `'${linkName(from + count - 1 - at)}'`)
    let there = 0
    await pullLines(ksqldbUrl, `SELECT link FROM links WHERE link IN (${asked.join(', ')});`, () => { there++ })
    if (there === asked.length) return
    if (performance.now() > deadline) throw new Error(`The links were not in the table after ${TIMEOUT_MS} ms`)
    await delay(200)
  }
}
