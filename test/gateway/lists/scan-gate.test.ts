// What reads whole tables: so many at once, so many waiting, no longer than told; and whoever goes makes room.
import t from 'tap'
import { ScanGate } from '../../../gateway/lists/scan-gate.js'

const held = () => {
  const held: { open: () => void, promise: Promise<void> } = { open: () => {}, promise: Promise.resolve() }
  held.promise = new Promise<void>(resolve => { held.open = resolve })
  return held
}
const turn = async () => await new Promise<void>(resolve => { setImmediate(resolve) })
const always = new AbortController().signal

t.test('one runs, one waits, the third is told to come again', async t => {
  const gate = new ScanGate({ runningMax: 1, waitingMax: 1 })
  const first = held()
  const order: string[] = []
  const a = gate.run(always, async () => { order.push('a'); await first.promise; return 1 })
  const b = gate.run(always, async () => { order.push('b'); return 2 })
  await t.rejects(gate.run(always, async () => 3), { code: 'overloaded', status: 503, headers: { 'retry-after': '5' } })
  t.strictSame(order, ['a'])
  first.open()
  t.strictSame(await Promise.all([a, b]), [1, 2])
  t.equal(await gate.run(always, async () => 4), 4, 'and there is room again')
})

t.test('who gives up while waiting leaves the queue', async t => {
  const gate = new ScanGate({ runningMax: 1, waitingMax: 1 })
  const first = held()
  const a = gate.run(always, async () => await first.promise)
  const client = new AbortController()
  const b = gate.run(client.signal, async () => {})
  await turn()
  client.abort(new Error('gone'))
  await t.rejects(b, { message: 'gone' })
  const c = gate.run(always, async () => 'c')
  first.open()
  await a
  t.equal(await c, 'c')
})

t.test('the time is up, running or waiting', async t => {
  const gate = new ScanGate({ runningMax: 1, waitingMax: 1, timeoutMs: 20 })
  const alive = setInterval(() => {}, 1_000) // the gate's own timers keep no process
  t.teardown(() => clearInterval(alive))
  const forever = async (signal: AbortSignal) => {
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    throw new Error('ended by the signal')
  }
  await Promise.all([
    t.rejects(gate.run(always, forever), { code: 'overloaded' }),
    t.rejects(gate.run(always, forever), { code: 'overloaded' })
  ])
  t.equal(await gate.run(always, async () => 1), 1)
})

t.test('a task that fails fails as it did', async t => {
  const gate = new ScanGate({ runningMax: 1, waitingMax: 0 })
  await t.rejects(gate.run(always, async () => { throw new Error('own') }), { message: 'own' })
  t.equal(await gate.run(always, async () => 1), 1)
})
