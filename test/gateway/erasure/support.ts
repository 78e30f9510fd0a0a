// Sealers, erasers and a topic of keys as the gateway makes them, on any broker; the log of visits is a list.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Partitioners, type Kafka } from 'kafkajs'
import type { Test } from 'tap'
import { Eraser } from '../../../gateway/erasure/eraser.js'
import { dayOf, KeyRing } from '../../../gateway/erasure/key-ring.js'
import { rootOf } from '../../../gateway/erasure/seal.js'
import { VisitSealer } from '../../../gateway/erasure/sealer.js'
import { ScanGate } from '../../../gateway/lists/scan-gate.js'
import { LogReader, type LogRecord } from '../../../gateway/log/log-reader.js'
import { keysTopic, namesFor } from '../../../gateway/topics.js'
import type { LoggedVisit } from '../../../gateway/visits/log.js'
import { aVisit } from '../visits/memory-visit-log.js'

export const names = namesFor('')
export const dayMs = 86_400_000
export const today = Date.UTC(2026, 10, 28)
export const anonymous = { actor: 'somebody', reason: null }
export const never = new AbortController().signal

/** A topic of keys as the gateway makes it, and one for the events. */
export const makeTopics = async (kafka: Kafka) => {
  const admin = kafka.admin()
  await admin.connect()
  const topics = [keysTopic(names, { partitions: 1, replicationFactor: 1 }), { topic: names.erasureEvents, numPartitions: 1 }]
  await admin.createTopics({ waitForLeaders: true, topics })
  await admin.disconnect()
}

export const ringOf = (t: Test, kafka: Kafka, treeBytesMax = 1_000_000): KeyRing => {
  const reader = new LogReader(kafka, names.visitKeys)
  t.teardown(async () => await reader.close())
  return new KeyRing({ reader, treeBytesMax, onUnreadable: (_, error) => t.fail(String(error)) })
}

export const appendTo = async (t: Test, kafka: Kafka) => {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  t.teardown(async () => await producer.disconnect())
  return async (key: string, value: Buffer) => { await producer.send({ topic: names.visitKeys, acks: -1, messages: [{ key, value }] }) }
}

export const sealerOf = async (t: Test, kafka: Kafka) => {
  let looks = 0
  const sealer = new VisitSealer({ ring: ringOf(t, kafka), append: await appendTo(t, kafka), now: () => ++looks * 5_000 })
  let visits = 0
  /** A visit as it comes to lie on the log. */
  return async (link: string, visitor: string, at = today): Promise<LoggedVisit> => {
    await sealer.ready(new Set([dayOf(at)]))
    const visitId = `${visitor}-${++visits}`
    const { token, sealed } = sealer.seal(link, visitId, at, visitor)
    return { link, partition: 0, offset: 0, visit: aVisit({ visit_id: visitId, visited_at: at, visitor: token, sealed, referrer: 'news.example' }) }
  }
}

export const eraserOf = (t: Test, kafka: Kafka, visits: readonly LoggedVisit[], keys = ringOf(t, kafka)): Eraser => new Eraser({
  log: {
    partitions: async () => [0],
    partitionOf: async () => 0,
    read: async function * (_, from, to, _signal, isWanted = () => true) {
      yield visits.slice(from, to).filter(({ link }) => isWanted(link))
    }
  },
  since: async () => new Map([[0, 0]]),
  ends: async () => new Map([[0, visits.length]]),
  keys,
  connect: async () => {
    const producer = kafka.producer({ transactionalId: 'linklog-eraser', idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    return producer
  },
  keysTopic: names.visitKeys,
  eventsTopic: names.erasureEvents,
  encode: event => Buffer.from(JSON.stringify(event)),
  gate: new ScanGate({ runningMax: 1, waitingMax: 4, timeoutMs: 60_000 }),
  newId: () => 'id',
  now: () => today
})

export const rootIn = ({ visit }: LoggedVisit): string => rootOf(visit.sealed as Buffer) as string

/** The files under a folder that hold these bytes. */
export const holding = async (folder: string, bytes: Buffer): Promise<string[]> => {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(file => file.isFile())
  const held = await Promise.all(files.map(async ({ parentPath, name }) => {
    const content = await readFile(join(parentPath, name)).catch(() => Buffer.alloc(0)) // it may be gone meanwhile
    return content.includes(bytes) ? [name] : []
  }))
  return held.flat()
}

export const recordsOf = async (kafka: Kafka): Promise<readonly LogRecord[]> => {
  const reader = new LogReader(kafka, names.visitKeys)
  const found: LogRecord[] = []
  const end = (await reader.ends()).get(0) ?? 0
  for (let at = 0; at < end;) {
    const stretch = (await reader.fetch(new Map([[0, at]]), 100)).get(0)
    if (stretch === undefined || stretch.next <= at) break
    found.push(...stretch.records)
    at = stretch.next
  }
  await reader.close()
  return found
}

export const rootsOf = async (kafka: Kafka, id: string) => (await recordsOf(kafka)).filter(({ key }) => key.endsWith(id))
