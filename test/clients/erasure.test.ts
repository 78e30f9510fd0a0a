// What an erasure destroys, on a real Apache Kafka: its own cleaner takes the bytes of the key off the disk, by the settings that the gateway gives the topic.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import { daysOf } from '../../gateway/erasure/eraser.js'
import { decodeTree } from '../../gateway/erasure/key-tree.js'
import { dueRecords } from '../../gateway/erasure/upkeep.js'
import { anonymous, appendTo, eraserOf, holding, makeTopics, never, ringOf, rootIn, rootsOf, sealerOf, today } from '../gateway/erasure/support.js'
import { until } from '../helpers/until.js'
import { kafkaClassPath, startRealKafka } from './support/real-kafka.js'

t.setTimeout(600_000)

t.test('erasure', async t => {
  const classPath = await kafkaClassPath()
  if (classPath === undefined) {
    const reason = 'Kafka needs Java 17, Maven and, the first time, Maven Central'
    return process.env['CI'] === 'true' ? t.fail(reason) : t.comment(`skipped: ${reason}`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'linklog-erasure-'))
  t.teardown(async () => { await rm(folder, { recursive: true }) })
  const real = await startRealKafka(classPath, folder)
  t.teardown(async () => { await real.close() })
  const kafka = new Kafka({ brokers: [real.brokers], logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 50 } })
  await makeTopics(kafka)
  const seal = await sealerOf(t, kafka)
  const visits = [await seal('one', 'alice'), await seal('two', 'alice')]
  const root = rootIn(visits[0]!)
  const secret = decodeTree((await rootsOf(kafka, root)).at(-1)?.value as Buffer).get('') as Buffer
  t.equal((await holding(folder, secret)).length, 1)
  // two at once, so that one overtakes the other
  const erased = await Promise.all([
    eraserOf(t, kafka, visits).link('one', daysOf(0, today + 1), anonymous, never),
    eraserOf(t, kafka, visits).visitor(id => id === 'bob', daysOf(0, today + 1), anonymous, never)
  ])
  t.match(erased, [{ visits: 1 }, { visits: 0 }])
  const erasedMs = performance.now()
  const ring = ringOf(t, kafka)
  await ring.refresh()
  t.same(visits.map(visit => ring.open(visit)), [undefined, 'alice'])
  const append = await appendTo(t, kafka)
  await until('the key off the disk', async () => {
    await ring.refresh()
    for (const { key, value } of dueRecords(ring, Date.now())) if (key === 'tick') await append(key, value)
    return (await holding(folder, secret)).length === 0
  }, 500_000)
  t.comment(`off the disk after ${Math.round((performance.now() - erasedMs) / 1_000)} s`)
  const again = ringOf(t, kafka)
  await again.refresh()
  t.same(visits.map(visit => again.open(visit)), [undefined, 'alice'])
})
