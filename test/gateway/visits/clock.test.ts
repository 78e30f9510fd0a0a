// The system's clock is set back while the gateway runs: what is written says what the clock says, and nothing that has to go on waits for it.
import t from 'tap'
import { AddressTokens } from '../../../gateway/visits/visitor.js'
import { visitIds } from '../../../gateway/visits/visit-event.js'
import { testdir } from '../../helpers/testdir.js'
import { startRoutes } from '../routes/support.js'
import { openSpool } from './spool-support.js'

const firefox = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const noon = Date.parse('2026-06-02T12:00:00Z')
const hour = 3_600_000

t.test('redirects go on, visits carry the time that the clock says, and edits are taken in the order of the log', async t => {
  let now = noon
  const { call, log, recorded } = await startRoutes(t, { now: () => now, rateLimitMisses: 3 })
  await call('POST', '/api/links', { url: 'https://example.com/one', slug: 'a' })
  await call('POST', '/api/links', { url: 'https://example.com/timed', slug: 'timed', validFrom: '2026-06-02T11:30:00Z' })
  for (const path of ['/a', '/timed', '/none']) await call('GET', path, undefined, firefox)
  now -= hour
  t.match(await call('GET', '/a', undefined, firefox), { status: 302, headers: { location: 'https://example.com/one' } })
  t.match(await call('GET', '/timed', undefined, firefox), { status: 410, body: { code: 'link_expired' } }, 'a window of validity is in the clock\'s time')
  t.match(await call('PATCH', '/api/links/a', { url: 'https://example.com/two' }, { 'if-match': '"1"' }), { status: 200, body: { version: 2 } })
  t.strictSame(recorded.map(({ link, visitedAt }) => [link, visitedAt - noon]), [['a', 0], ['timed', 0], ['none', 0], ['a', -hour], ['timed', -hour]])
  t.strictSame(log.events.filter(({ link }) => link === 'a').map(({ event }) => event.occurred_at - noon), [0, 0], 'a change is never earlier than the one before it')
  t.strictSame([await call('GET', '/none'), await call('GET', '/none'), await call('GET', '/none')].map(({ status }) => status), [404, 404, 429],
    'the minute of the limit is counted by a clock that only goes forward')
})

t.test('ids stay unique: the position tells them apart, whatever the time', async t => {
  const idOf = visitIds('gateway')
  const ids = [idOf(noon, 100), idOf(noon - hour, 200), idOf(noon, 300), idOf(noon - hour, 400)]
  t.equal(new Set(ids).size, ids.length)
  t.equal(idOf(noon, 100), ids[0], 'and a visit that is shipped again has its own')
})

t.test('a visitor is the same again where the clock goes back over midnight and comes again', async t => {
  const tokens = new AddressTokens(Buffer.from('a secret of the test'))
  const today = tokens.of('192.0.2.1', noon)
  const yesterday = tokens.of('192.0.2.1', noon - 24 * hour)
  t.notSame(yesterday, today)
  t.strictSame(tokens.of('192.0.2.1', noon), today)
  t.strictSame(tokens.of('192.0.2.1', noon - 24 * hour), yesterday)
})

t.test('the spool is in the order of its positions, and no file is named by a time', async t => {
  const spool = openSpool(testdir(t))
  const records = Array.from({ length: 10 }, (_, n) => `${noon - n * hour}`.padEnd(1_500, '.'))
  for (const record of records) spool.append(record)
  t.strictSame(spool.all().payloads, records)
  spool.writer.close()
})
