// When a writer is told: by the feed at once, by a poll where the feed is down or silent, and at the deadline.
import t from 'tap'
import { Confirmation } from '../../../gateway/links/confirmation.js'
import type { LinkState } from '../../../gateway/queries/links.js'

const state = (link: string, ...eventIds: string[]): LinkState =>
  ({ link, version: eventIds.length, eventIds, createdAt: 0, latest: undefined, attempts: eventIds.length, historyBytes: 0 })

const setUp = (feedUp: boolean) => {
  let clock = 0
  const table = new Map<string, LinkState>()
  const waited: number[] = []
  const sleepers: (() => void)[] = []
  const confirmation = new Confirmation({
    read: async link => table.get(link),
    now: () => clock,
    wait: async ms => {
      waited.push(ms)
      await new Promise<void>(resolve => {
        sleepers.push(() => {
          clock += ms
          resolve()
        })
      })
    },
    feedUp: () => feedUp
  })
  const passTime = async () => {
    sleepers.shift()?.()
    await new Promise(resolve => { setImmediate(resolve) })
  }
  return { confirmation, table, waited, passTime }
}

const written = async (): Promise<void> => {}

t.test('the feed may tell before the log has answered', async t => {
  const { confirmation } = setUp(true)
  let answer = (): void => {}
  const verdict = confirmation.of('a', 'e1', 0, 1_000, async () => await new Promise<void>(resolve => { answer = resolve }))
  confirmation.observe(state('a', 'e1'))
  answer()
  t.match(await verdict, { outcome: 'accepted' })
})

t.test('what could not be written is not waited for', async t => {
  const { confirmation, table, waited, passTime } = setUp(false)
  await t.rejects(confirmation.of('a', 'e1', 0, 1_000, async () => { throw new Error('the log is away') }), { message: 'the log is away' })
  table.set('a', state('a', 'other'))
  for (let i = 0; i < 5; i++) await passTime()
  t.equal(waited.length, 1, 'the poll that was set up asks no more')
})

t.test('the feed tells at once, and each writer of a link his own', async t => {
  const { confirmation, waited } = setUp(true)
  const winner = confirmation.of('a', 'e1', 0, 1_000, written)
  const loser = confirmation.of('a', 'e2', 0, 1_000, written)
  const other = confirmation.of('b', 'e3', 0, 1_000, written)
  confirmation.observe(state('a', 'e1'))
  t.match(await winner, { outcome: 'accepted', state: { version: 1 } })
  t.match(await loser, { outcome: 'lost' })
  confirmation.observe(state('b', 'e3'))
  t.match(await other, { outcome: 'accepted' })
  t.equal(waited.length, 2, 'one poll a link was set up, and none had to ask')
})

t.test('a change that the feed missed is found by a poll', async t => {
  const { confirmation, table, waited, passTime } = setUp(true)
  const verdict = confirmation.of('a', 'e1', 0, 1_000, written)
  table.set('a', state('a', 'e1'))
  await passTime()
  t.match(await verdict, { outcome: 'accepted' })
  t.same(waited, [100], 'not at once: the feed is given its time')
})

t.test('without the feed polls begin at once', async t => {
  const { confirmation, table, waited, passTime } = setUp(false)
  const verdict = confirmation.of('a', 'e1', 0, 1_000, written)
  await passTime()
  table.set('a', state('a', 'other'))
  await passTime()
  t.match(await verdict, { outcome: 'lost' })
  t.same(waited, [3, 5])
})

t.test('the deadline ends the waiting', async t => {
  const { confirmation, passTime } = setUp(true)
  const verdict = confirmation.of('a', 'e1', 0, 150, written)
  await passTime()
  await passTime()
  t.match(await verdict, { outcome: 'pending' })
})
