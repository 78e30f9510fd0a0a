// The lock, held by clients of their own against a broker.
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Kafka } from 'kafkajs'
import { ddlLock } from '../../../gateway/ksqldb/ddl-lock.js'
import { clientOf, startBroker } from '../../embedded/broker/start.js'
import { TcpProxy } from '../../helpers/tcp-proxy.js'

t.setTimeout(120_000)

const lockOf = (client: Kafka, waitMs = 60_000, signal?: AbortSignal) => ddlLock({ client, groupId: 'linklog-ddl', waitMs, ...(signal !== undefined && { signal }) })

t.test('of several at once one runs at a time, and each has its turn, whether the one before succeeded or not', async t => {
  const { broker } = await startBroker(t)
  let [running, most] = [0, 0]
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, async (_, n) => await lockOf(clientOf(broker))(async signal => {
    most = Math.max(most, ++running)
    await wait(300) // several heartbeats of those that wait
    running--
    if (n % 2 === 1) throw new Error(`of ${n}`)
    return signal.aborted ? 'lost' : n
  })))
  t.equal(most, 1)
  t.match(outcomes, [{ value: 0 }, { reason: { message: 'of 1' } }, { value: 2 }, { reason: { message: 'of 3' } }])
  t.equal(await lockOf(clientOf(broker))(async () => 'again'), 'again')
})

t.test('one that waits in vain says for whom', async t => {
  const { broker } = await startBroker(t)
  await lockOf(clientOf(broker))(async () => {
    await t.rejects(lockOf(clientOf(broker), 400)(async () => t.fail('not its turn')), { code: 'LINKLOG_NOT_ALONE', message: /for 0\.4 s and more \(consumer group linklog-ddl\)$/ })
    const stopped = AbortSignal.timeout(200)
    await t.rejects(lockOf(clientOf(broker), 60_000, stopped)(async () => t.fail('not its turn')), { name: 'TimeoutError' }, 'or was stopped')
  })
})

t.test('one that is not heard for its session is followed by the next, and learns of it', async t => {
  const { broker } = await startBroker(t)
  const proxy = await TcpProxy.start(() => ({ host: '127.0.0.1', port: broker.address.port }))
  t.teardown(async () => await proxy.close())
  const through = clientOf(broker, {
    socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port: proxy.port }, onConnect), // wherever the broker says that it is
    retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 300 }
  })
  const learned = lockOf(through)(async signal => {
    proxy.cut()
    const next = await lockOf(clientOf(broker))(async () => {
      proxy.open = true
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return 'next'
    })
    return { next, reason: signal.reason as unknown }
  })
  t.match(await learned, { next: 'next', reason: { code: 'LINKLOG_NOT_ALONE', message: /another makes or drops tables now/ } })
})
