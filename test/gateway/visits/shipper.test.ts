import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { until } from '../../helpers/until.js'
import { Fenced, Shipper } from '../../../gateway/visits/shipper.js'
import { openSpool } from './spool-support.js'
import { testdir } from '../../helpers/testdir.js'

/** A log with Kafka's transactions: what a transaction holds is there when it commits, with its offset, or not at all. */
class FakeLog {
  readonly visits: string[] = []
  offset = 0
  connections = 0
  /** Asked before each step; throwing is the fault to be survived. */
  fault: (step: 'connect' | 'messages' | 'transaction' | 'send' | 'sendOffsets' | 'commit' | 'answer') => void = () => {}

  async connect () {
    this.connections++
    this.fault('connect')
    const transaction = async () => {
      this.fault('transaction')
      const staged: string[] = []
      let offset = this.offset
      return {
        send: async ({ messages }: { messages: Array<{ key: string }> }) => {
          this.fault('send')
          staged.push(...messages.map(({ key }) => key))
        },
        sendOffsets: async ({ topics }: { topics: Array<{ partitions: Array<{ offset: string }> }> }) => {
          this.fault('sendOffsets')
          offset = Number(topics[0]?.partitions[0]?.offset)
        },
        commit: async () => {
          this.fault('commit')
          this.visits.push(...staged)
          this.offset = offset
          this.fault('answer')
        },
        abort: async () => {}
      }
    }
    return { transaction, disconnect: async () => {} } as never
  }
}

const ship = (log: FakeLog, spool: ReturnType<typeof openSpool>) => {
  const shipped: number[] = []
  const errors: unknown[] = []
  const shipper = new Shipper({
    spool: spool.reader,
    state: spool.writer.state,
    connect: async () => await log.connect(),
    committed: async () => log.offset,
    messagesOf: async records => {
      log.fault('messages') // the keys that visits are sealed under may not answer
      return records.map(({ payload }) => payload.toString() === 'unreadable' ? undefined : { message: { key: payload.toString(), value: 'v' }, visitedAt: 1 })
    },
    topic: 'visits',
    group: 'g',
    intervalMs: 0,
    settleMs: 0,
    now: () => 5,
    onWell: () => {},
    onShipped: position => shipped.push(position),
    onError: error => errors.push(error)
  })
  shipper.start()
  return { shipper, shipped, errors }
}

t.test('every visit once and in order, whichever step fails and however', async t => {
  for (const step of ['connect', 'messages', 'transaction', 'send', 'sendOffsets', 'commit', 'answer'] as const) {
    const log = new FakeLog()
    let faults = 0
    log.fault = at => {
      if (at === step && faults++ % 3 < 2) throw new Error(`fault at ${step}`)
    }
    const spool = openSpool(testdir(t))
    const { shipper } = ship(log, spool)
    const links = Array.from({ length: 30 }, (_, n) => `link-${n}`)
    for (const link of links) {
      spool.append(link)
      shipper.wake()
      if (Number(link.slice(5)) % 10 === 9) await delay(1)
    }
    await until('all shipped', async () => log.visits.length >= links.length)
    await shipper.stop(1_000)
    t.strictSame(log.visits, links, step)
    t.ok(faults > 0, 'the fault was met')
    spool.writer.close()
  }
})

t.test('after a kill the log says where to go on', async t => {
  const directory = testdir(t)
  const log = new FakeLog()
  const first = openSpool(directory)
  const before = ship(log, first)
  first.append('one')
  await until('the first', async () => log.visits.length === 1)
  await before.shipper.stop(0)
  first.append('two') // answered, then killed: neither shipped nor closed
  const second = openSpool(directory)
  second.append('three')
  const after = ship(log, second)
  await until('the rest', async () => log.visits.length >= 3)
  await after.shipper.stop(1_000)
  t.strictSame(log.visits, ['one', 'two', 'three'])
  t.equal(after.shipped.at(-1), log.offset)
  first.writer.close()
  second.writer.close()
})

t.test('where the log has a position of ours that we never had, another ships under our id: nothing is shipped any more, and it is said once', async t => {
  const log = new FakeLog()
  const older = openSpool(testdir(t))
  const first = ship(log, older)
  older.append('before')
  await until('shipped', async () => log.visits.length === 1)
  const { connections } = log
  // a newer gateway with the same id: its transactions end those of the older, and its positions lie behind all of the older's
  log.offset += 2 ** 33
  log.fault = step => { if (step === 'commit') throw new Error('the producer is fenced') }
  older.append('after')
  first.shipper.wake()
  await until('fenced', async () => first.errors.some(error => error instanceof Fenced))
  log.fault = () => {}
  older.append('more')
  first.shipper.wake()
  await first.shipper.stop(1_000)
  t.strictSame(log.visits, ['before'])
  t.equal(log.connections, connections, 'it does not fence the newer one in turn')
  t.match(first.errors.filter(error => error instanceof Fenced), [{ code: 'LINKLOG_FENCED' }])
  older.writer.close()
})

t.test('what an earlier producer of the id commits until its end is not shipped again', async t => {
  const log = new FakeLog()
  const spool = openSpool(testdir(t))
  spool.append('one', 'two')
  const behindTwo = spool.writer.state.get('end')
  log.fault = step => {
    // a process that was killed had asked for its commit; Kafka does it before another may claim the id
    if (step === 'connect' && log.connections === 1) {
      log.visits.push('one', 'two')
      log.offset = behindTwo
    }
  }
  const { shipper } = ship(log, spool)
  spool.append('three')
  await until('the third', async () => log.visits.includes('three'))
  await shipper.stop(1_000)
  t.strictSame(log.visits, ['one', 'two', 'three'])
  spool.writer.close()
})

t.test('stopping ships what is left; with the log away it gives up in time', async t => {
  const log = new FakeLog()
  const spool = openSpool(testdir(t))
  const { shipper } = ship(log, spool)
  await until('connected', async () => log.connections > 0)
  spool.append('a', 'b')
  await shipper.stop(5_000)
  t.strictSame(log.visits, ['a', 'b'])

  const away = new FakeLog()
  away.fault = () => { throw new Error('away') }
  const stuck = ship(away, spool)
  await stuck.shipper.stop(100)
  t.strictSame(away.visits, [], 'it ends all the same')
  spool.writer.close()
})

t.test('held back, visits wait in the spool: until the time is up, until it is said to be over, or until the gateway stops', async t => {
  for (const [how, end] of [
    ['time', ({ pass }) => pass(10_000)],
    ['release', ({ spool }) => spool.writer.release()],
    ['stop', () => {}]
  ] satisfies Array<[string, (of: { pass: (ms: number) => void, spool: ReturnType<typeof openSpool> }) => void]>) {
    let at = 5_000
    const log = new FakeLog()
    const spool = openSpool(testdir(t), { clock: () => at })
    const { shipper } = ship(log, spool)
    const { state } = spool.writer
    spool.append('before')
    shipper.wake()
    await until('shipped', async () => log.visits.length === 1)
    spool.writer.hold(10_000)
    spool.append('held')
    shipper.wake()
    at += 9_999
    await until('it is told that a visit waits', async () => state.get('oldestWaitingAt') > 0)
    t.strictSame(log.visits, ['before'], how)
    t.ok(state.get('shipped') < state.get('end'))
    end({ pass: ms => { at += ms }, spool })
    if (how !== 'stop') await until('shipped', async () => log.visits.length === 2)
    await shipper.stop(1_000)
    t.strictSame(log.visits, ['before', 'held'], how)
    t.equal(state.get('oldestWaitingAt'), 0)
    spool.writer.close()
  }
})
