// When commits are due: at once after a pause, a third of the time under a steady load, never later than 100 ms.
import t from 'tap'
import { CommitPacer, Signal } from '../../../../embedded/ksqldb/runtime/scheduler.js'

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
