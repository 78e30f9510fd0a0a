// How long a gateway holds its visits back: as asked, by its own clock and within its own bounds, whoever asks and whatever happens to them.
import t from 'tap'
import { HeldVisits } from '../../../gateway/visits/held.js'
import { openSpool } from './spool-support.js'
import { testdir } from '../../helpers/testdir.js'

const setUp = (before?: { id: string, seconds: number }) => {
  let at = 1_000
  let until = 0
  const held = new HeldVisits({ now: () => at, spool: { hold: ms => { until = at + ms }, release: () => { until = 0 } } })
  held.follow(before)
  return { held, isHeld: () => until > at, pass: (ms: number) => { at += ms } }
}

t.test('from when an id is first seen, for as long as was asked, and no longer however often it is seen', async t => {
  const { held, isHeld, pass } = setUp()
  held.follow({ id: 'a', seconds: 10 })
  t.ok(isHeld())
  for (let n = 0; n < 9; n++) {
    pass(1_000)
    held.follow({ id: 'a', seconds: 10 })
    t.ok(isHeld())
  }
  pass(1_000)
  t.notOk(isHeld(), 'over, though nobody said so')
  held.follow({ id: 'a', seconds: 10 })
  t.notOk(isHeld(), 'and not begun again')
})

t.test('never for more than 15 s', async t => {
  const { held, isHeld, pass } = setUp()
  held.follow({ id: 'a', seconds: 86_400 })
  pass(14_999)
  t.ok(isHeld())
  pass(1)
  t.notOk(isHeld())
})

t.test('over as soon as that is said', async t => {
  const { held, isHeld, pass } = setUp()
  held.follow({ id: 'a', seconds: 10 })
  pass(2_000)
  held.follow({ id: 'a', seconds: 0 })
  t.notOk(isHeld())
})

t.test('then it ships for at least as long as it has held, whoever asks', async t => {
  const { held, isHeld, pass } = setUp()
  held.follow({ id: 'a', seconds: 10 })
  pass(4_000)
  held.follow({ id: 'a', seconds: 0 })
  pass(3_999)
  held.follow({ id: 'a', seconds: 0 })
  held.follow({ id: 'b', seconds: 10 })
  t.notOk(isHeld(), 'too early')
  pass(1)
  held.follow({ id: 'b', seconds: 10 })
  t.notOk(isHeld(), 'that one was passed over, and stays so')
  held.follow({ id: 'c', seconds: 10 })
  t.ok(isHeld())
  pass(19_999)
  held.follow({ id: 'd', seconds: 10 })
  t.notOk(isHeld(), 'c was held for ten seconds')
  pass(1)
  held.follow({ id: 'e', seconds: 10 })
  t.ok(isHeld())
})

t.test('one that asks again and again gets half of the time at most', async t => {
  const { held, isHeld, pass } = setUp()
  let heldMs = 0
  for (let n = 0; n < 10_000; n++) {
    held.follow({ id: String(n), seconds: 10 })
    if (isHeld()) heldMs += 100
    pass(100)
  }
  t.ok(heldMs > 0 && heldMs <= 1_000_000 / 2, `${heldMs} of 1000000 ms`)
})

t.test('what was asked for before the gateway started is not followed; what comes later is', async t => {
  const { held, isHeld } = setUp({ id: 'killed', seconds: 10 })
  t.notOk(isHeld())
  held.follow({ id: 'killed', seconds: 10 })
  t.notOk(isHeld())
  held.follow({ id: 'a', seconds: 10 })
  t.ok(isHeld())
})

t.test('one that is over before it was seen is not begun', async t => {
  const { held, isHeld } = setUp()
  held.follow({ id: 'a', seconds: 0 })
  t.notOk(isHeld())
})

t.test('the spool holds nothing back once it is half full, and lets go as soon as it is', async t => {
  let at = 0
  const { writer, append } = openSpool(testdir(t), { bytesMax: 1_000, clock: () => at })
  writer.hold(10_000)
  t.equal(writer.state.heldMs, 10_000)
  append('x'.repeat(400))
  t.equal(writer.state.heldMs, 10_000)
  append('x'.repeat(200))
  t.equal(writer.state.heldMs, 0)
  at += 60_000
  writer.hold(10_000)
  t.equal(writer.state.heldMs, 0)
  writer.close()
})
