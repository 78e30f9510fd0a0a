import t from 'tap'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { consume } from './start.js'
import { randomFrom } from '../../helpers/random.js'
import { testdir } from '../../helpers/testdir.js'

// More with KILLS=200 in the environment; the moments come from KILLS_SEED.
const KILLS = Number(process.env['KILLS'] ?? 3)
const ROUNDS_BETWEEN_MAX = 8
const DELAY_MS_MAX = 40

/** Through `env`, because tap adds its loaders to every Node process that it sees started. */
async function start (dataDir: string, port: number): Promise<{ child: ChildProcess, port: number }> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, fileURLToPath(new URL('serve.mjs', import.meta.url)), dataDir, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  for (;;) {
    const [chunk] = await once(child.stdout!, 'data') as [Buffer]
    output += chunk.toString()
    const ready = /ready (\d+)\n/.exec(output)
    if (ready !== null) return { child, port: Number(ready[1]) }
  }
}

t.test(`${KILLS} kills under an idempotent and a transactional producer`, { timeout: 110_000 + KILLS * 10_000 }, async t => {
  const dataDir = testdir(t)
  const random = randomFrom(Number(process.env['KILLS_SEED'] ?? 1))
  let { child, port } = await start(dataDir, 0)
  t.teardown(() => { child.kill('SIGKILL') })
  const kafka = new Kafka({
    clientId: 'test', brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 200 }
  })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'plain', numPartitions: 2 }, { topic: 'tx', numPartitions: 2 }] })
  await admin.disconnect()

  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 })
  await producer.connect()
  const acknowledged: string[] = []
  const outcomes = new Map<string, 'committed' | 'aborted' | 'unknown'>()
  const work = { stopped: false, wake: () => {} }

  const plain = async (): Promise<void> => {
    for (let i = 0; !work.stopped; i++) {
      const values = Array.from({ length: 10 }, (_, j) => `${i}-${j}`)
      await producer.send({ topic: 'plain', messages: values.map(value => ({ key: value, value })) })
      acknowledged.push(...values)
      work.wake()
    }
  }
  const transactional = async (): Promise<void> => {
    for (let i = 0; !work.stopped;) {
      const own = kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
      try {
        await own.connect()
        for (; !work.stopped; i++) await oneTransaction(own, `t${i}`, i % 3 !== 0)
      } catch {
        // The producer cannot go on after an error; the next one fences it and ends what it left.
        i++
      } finally {
        await own.disconnect().catch(() => {})
      }
    }
  }
  const oneTransaction = async (own: ReturnType<Kafka['producer']>, value: string, commit: boolean): Promise<void> => {
    outcomes.set(value, 'aborted')
    const transaction = await own.transaction()
    await transaction.send({ topic: 'tx', messages: [{ partition: 0, value }, { partition: 1, value }] })
    if (!commit) return await transaction.abort()
    outcomes.set(value, 'unknown')
    await transaction.commit()
    outcomes.set(value, 'committed')
  }

  const working = Promise.all([plain(), transactional()])
  for (let i = 0; i < KILLS; i++) {
    // So many acknowledgements, then at a moment of its own: between any two steps of either producer.
    const rounds = 1 + Math.floor(random() * ROUNDS_BETWEEN_MAX)
    for (let round = 0; round < rounds; round++) await new Promise<void>(resolve => { work.wake = resolve })
    await delay(random() * DELAY_MS_MAX)
    child.kill('SIGKILL')
    await once(child, 'exit')
    child = (await start(dataDir, port)).child
  }
  work.stopped = true
  await working
  await producer.disconnect()

  const read = (await consume(kafka, 'plain', acknowledged.length)).map(({ value }) => value!)
  t.comment(`${acknowledged.length} records acknowledged, ${outcomes.size} transactions`)
  t.strictSame(read.sort(), acknowledged.sort(), 'every acknowledged record once, none doubled')
  const committed = [...outcomes].filter(([, outcome]) => outcome === 'committed').map(([value]) => value)
  const unknown = new Set([...outcomes].filter(([, outcome]) => outcome === 'unknown').map(([value]) => value))
  // A last one that is sure to show tells where to stop reading.
  const last = kafka.producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
  await last.connect()
  await oneTransaction(last, 'last', true)
  await last.disconnect()
  const seen = await readUntil(kafka, 'tx', 'last', 2)
  const counts = new Map<string, number>()
  for (const value of seen) counts.set(value, (counts.get(value) ?? 0) + 1)
  t.strictSame([...counts].filter(([, count]) => count !== 2), [], 'whole transactions, none doubled')
  t.strictSame(committed.filter(value => !counts.has(value)), [], 'every committed one')
  t.strictSame([...counts.keys()].filter(value => value !== 'last' && !unknown.has(value) && !committed.includes(value)), [], 'no aborted one')
})

/** Reads committed records until `value` has come `times` times. */
async function readUntil (kafka: Kafka, topic: string, value: string, times: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: 'until', maxWaitTimeInMs: 100 })
  const values: string[] = []
  let found = 0
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value!.toString())
        if (values.at(-1) === value && ++found === times) resolve()
      }
    }).catch(reject)
  })
  await consumer.disconnect()
  return values
}
