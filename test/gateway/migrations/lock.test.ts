// The lock of the migrations, held by clients of their own against a broker.
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { applierLock } from '../../../gateway/migrations/lock.js'
import { clientOf, startBroker } from '../../embedded/broker/start.js'
import { TcpProxy } from '../../helpers/tcp-proxy.js'

t.setTimeout(120_000)

const group = 'linklog-migrations'

t.test('of several at once one runs at a time, and each has its turn, whether the one before succeeded or not', async t => {
  const { broker } = await startBroker(t)
  let [running, most] = [0, 0]
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, async (_, n) => await applierLock(clientOf(broker), group)(async signal => {
    most = Math.max(most, ++running)
    await wait(300) // several heartbeats of those that wait
    running--
    if (n % 2 === 1) throw new Error(`of ${n}`)
    return signal.aborted ? 'lost' : n
  })))
  t.equal(most, 1)
  t.match(outcomes, [{ value: 0 }, { reason: { message: 'of 1' } }, { value: 2 }, { reason: { message: 'of 3' } }])
  t.equal(await applierLock(clientOf(broker), group)(async () => 'again'), 'again')
})

t.test('one that waits in vain says for whom', async t => {
  const { broker } = await startBroker(t)
  await applierLock(clientOf(broker), group)(async () => {
    await t.rejects(applierLock(clientOf(broker), group, 400)(async () => t.fail('not its turn')), { code: 'LINKLOG_MIGRATION', message: /for 0\.4 s \(consumer group linklog-migrations\)$/ })
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
  const learned = applierLock(through, group)(async signal => {
    proxy.cut()
    const next = await applierLock(clientOf(broker), group)(async () => {
      proxy.open = true
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      return 'next'
    })
    return { next, reason: signal.reason as unknown }
  })
  t.match(await learned, { next: 'next', reason: { code: 'LINKLOG_MIGRATION', message: /another gateway applies the migrations now/ } })
})
