// When commits are due: at once after a pause, a third of the time under a steady load, never later than 100 ms. What yields to pull queries, and what not.
import t from 'tap'
import { CommitPacer, Scheduler, Signal } from '../../../../embedded/ksqldb/runtime/scheduler.js'

t.test('a burst passes, a steady load is held to its share', async t => {
  const pacer = new CommitPacer()
  let now = 1000
  for (let i = 0; i < 10; i++) {
    t.equal(pacer.delayMs(now, now), 0)
    pacer.spent(2)
  }
  let spent = 0
  const started = now
  while (now < started + 3000) {
    const delay = pacer.delayMs(now, now)
    if (delay > 0) {
      now += delay
    } else {
      pacer.spent(2)
      spent += 2
      now += 2
    }
  }
  t.ok(spent > 900 && spent < 1100, `${spent} of 3,000 ms`)
})

t.test('what has waited for 100 ms is due', async t => {
  const pacer = new CommitPacer()
  pacer.delayMs(0, 0)
  pacer.spent(10_000)
  t.equal(pacer.delayMs(1, 0), 99)
  t.equal(pacer.delayMs(100, 0), 0)
})

t.test('a signal raised before the wait is not lost, and a wait may have an end', async t => {
  const signal = new Signal()
  signal.raise()
  await signal.wait()
  await signal.wait(1)
  t.pass()
})

/** A scheduler whose time passes only by work and waits; in each of these, pull queries read so many rows, and another query has a turn. */
class Thread {
  now = 0
  turns = 0
  rows: number
  readonly scheduler = new Scheduler(() => this.now, async ms => {
    await this.scheduler.turn()
    this.turns++
    this.pass(ms)
  })

  constructor (rows: number) {
    this.rows = rows
    this.pass(0)
  }

  pass (ms: number): void {
    this.now += ms
    for (let n = 0; n < this.rows; n++) this.scheduler.read()
  }

  /** Works behind all others until then, 20 ms each time. @returns the share of the time that it got. */
  async shareUntil (end: number): Promise<number> {
    const started = this.now
    let spent = 0
    while (this.now < end) {
      await this.scheduler.behind(() => {
        this.pass(20)
        spent += 20
      }, never)
    }
    return spent / (this.now - started)
  }
}
const never = (): boolean => false

t.test('what is far behind works at once where few pull queries come', async t => {
  const thread = new Thread(40) // in 20 ms: 2,000 a second
  t.equal(await thread.shareUntil(10_000), 1)
  t.equal(thread.turns, 0, 'no wait')
})

t.test('where many pull queries come, it has a sixteenth of the time, half of it after 30 s, and others their turn', async t => {
  const thread = new Thread(5000)
  const first = await thread.shareUntil(29_000)
  t.ok(first > 0.055 && first < 0.065, `${first} of the time`)
  t.ok(thread.turns > 1000, `${thread.turns} turns of another`)
  thread.pass(2_000)
  const later = await thread.shareUntil(60_000)
  t.ok(later > 0.45 && later < 0.55, `${later} of the time`)
})

t.test('it goes on when pull queries cease, and does not begin where it is not to any more', async t => {
  const thread = new Thread(5000)
  await thread.scheduler.behind(() => thread.pass(250), never)
  let begun = 0
  let asked = 0
  await thread.scheduler.behind(() => { begun++ }, () => asked++ === 5)
  t.equal(begun, 0)
  thread.rows = 0
  await thread.scheduler.behind(() => { begun++ }, never)
  t.equal(begun, 1)
  t.ok(thread.now < 250 * 16, `${thread.now} ms: not the whole of what was due`)
})

t.test('slices are short while many pull queries come; what was done beside them counts as well', async t => {
  const thread = new Thread(5000)
  t.equal(thread.scheduler.readsAreMany, true)
  t.equal(thread.scheduler.sliceMs, 2)
  await thread.scheduler.behind(() => {}, never)
  const started = thread.now
  thread.scheduler.spent(10)
  await thread.scheduler.behind(() => {}, never)
  t.equal(thread.now - started, 160, 'of 160 ms, 10 are a sixteenth')
  thread.rows = 0
  thread.pass(600)
  t.equal(thread.scheduler.readsAreMany, false)
  t.equal(thread.scheduler.sliceMs, 8)
})

t.test('an error of the work is for its caller', async t => {
  await t.rejects(new Scheduler().behind(() => { throw new Error('no room') }, never), { message: 'no room' })
})
