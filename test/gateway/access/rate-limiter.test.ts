import t from 'tap'
import { clientOf, RateLimiter } from '../../../gateway/access/rate-limiter.js'

const start = (max: number, clientsMax = 10) => {
  const clock = { now: 0 }
  return { clock, limiter: new RateLimiter({ name: 'writes', max, windowMs: 60_000, clientsMax, now: () => clock.now }) }
}

t.test('so many in a window, each client for itself', async t => {
  const { clock, limiter } = start(2)
  t.match(limiter.take('a'), { allowed: true, remaining: 1, resetSeconds: 60 })
  clock.now = 30_500
  t.match(limiter.take('a'), { allowed: true, remaining: 0, resetSeconds: 30 })
  t.match(limiter.take('a'), { allowed: false, remaining: 0, resetSeconds: 30 })
  t.match(limiter.take('b'), { allowed: true, remaining: 1 })
  clock.now = 60_000
  t.match(limiter.take('a'), { allowed: true, remaining: 1, resetSeconds: 60 }, 'a new window')
})

t.test('a look does not count', async t => {
  const { limiter } = start(1)
  for (let n = 0; n < 3; n++) t.match(limiter.look('a'), { allowed: true })
  limiter.take('a')
  t.match(limiter.look('a'), { allowed: false, remaining: 0 })
})

t.test('0 is no limit', async t => {
  const { limiter } = start(0)
  for (let n = 0; n < 100; n++) t.ok(limiter.take('a').allowed)
  t.equal(limiter.size, 0)
  t.notOk(limiter.enabled)
})

t.test('memory is bounded: whoever was counted for the longest time is forgotten', async t => {
  const { limiter } = start(1, 3)
  for (const client of ['a', 'b', 'c', 'd']) limiter.take(client)
  t.equal(limiter.size, 3)
  t.ok(limiter.take('a').allowed)
  t.notOk(limiter.take('d').allowed)
})

t.test('the fields are those of the draft', async t => {
  const { limiter } = start(10)
  t.strictSame(limiter.headers(limiter.take('a')), { 'ratelimit-policy': '"writes";q=10;w=60', ratelimit: '"writes";r=9;t=60' })
  for (let n = 0; n < 9; n++) limiter.take('a')
  t.match(limiter.headers(limiter.take('a')), { ratelimit: '"writes";r=0;t=60', 'retry-after': '60' })
})

t.test('one client is an IPv4 address or the /64 of an IPv6 address', async t => {
  const cases: Array<[string, string]> = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64']
  ]
  for (const [address, client] of cases) t.equal(clientOf(address), client, address)
})
