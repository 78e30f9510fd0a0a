// Parts that fail alone: the stack without the gateway, the gateway without the stack. Redirects go on, and no visit is lost or doubled.
import t from 'tap'
import { readVisits } from '../helpers/recount.js'
import { inParallel, until } from '../helpers/until.js'
import { onCluster, skipWithoutBuild, startService, topicName, visitsWhen } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(600_000)

const skip = skipWithoutBuild || (onCluster && 'the stack is not the test\'s to kill')
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

t.test('the embedded stack dies: redirects go on from memory, visits wait in the spool, the stack is started again', { skip }, async (t) => {
  const gateway = await startService(t)
  await gateway.call('POST', '/api/links', { url: 'https://example.com/on', slug: 'on' })
  t.equal((await gateway.call('GET', '/on', undefined, agent)).status, 302)
  gateway.killChildren()
  await gateway.brokerGone()
  // Asked once and beside the visits: an answer is believed for a second, and the stack is not away for much longer.
  const unready = gateway.call('GET', '/readyz')
  const statuses = await inParallel(Array.from({ length: 500 }), 16, async () => (await gateway.call('GET', '/on', undefined, agent)).status)
  t.strictSame([...new Set(statuses)], [302], 'a redirect that is known waits for nobody')
  t.equal((await gateway.call('GET', '/healthz')).status, 200)
  t.match(await unready, { status: 503, body: { status: 'not ready' } })
  await until('readiness', async () => (await gateway.call('GET', '/readyz')).status === 200, 60_000)
  await visitsWhen(gateway, 'on', 501)
  const records = await readVisits(gateway, topicName(gateway.prefix, 'visits'))
  t.equal(records.length, 501)
  t.equal(new Set(records.map(({ visitId }) => visitId)).size, 501)
  const written = await until('a write', async () => {
    const answer = await gateway.call('POST', '/api/links', { url: 'https://example.com/after', slug: 'after' })
    return [200, 201, 409].includes(answer.status) && answer
  }, 60_000)
  t.ok([200, 201, 409].includes(written.status), 'writes are taken again')
  t.equal((await gateway.call('GET', '/after')).status, 302)
})

t.test('while the stack is away a write says so, and changes nothing halfway', { skip }, async (t) => {
  const gateway = await startService(t, { env: { CONFIRM_TIMEOUT_MS: '1000', PULL_TIMEOUT_MS: '1000' } })
  gateway.killChildren()
  const answer = await gateway.call('POST', '/api/links', { url: 'https://example.com/x', slug: 'x' }, { 'idempotency-key': 'away' })
  t.ok([201, 202, 503].includes(answer.status), `${answer.status} ${answer.text.slice(0, 100)}`)
  const settled = await until('the same request to succeed', async () => {
    const again = await gateway.call('POST', '/api/links', { url: 'https://example.com/x', slug: 'x' }, { 'idempotency-key': 'away' })
    return again.status === 201 && again
  }, 60_000)
  t.match(settled.body, { link: 'x', version: 1 })
  const { body } = await gateway.call('GET', '/api/links/x/revisions')
  t.equal(body.revisions.length, 1, 'however often it was sent')
})

t.test('the gateway dies: the stack that it started ends too, and nothing is lost', { skip }, async (t) => {
  const dataDir = testdir(t)
  const gateway = await startService(t, { dataDir })
  await gateway.call('POST', '/api/links', { url: 'https://example.com/on', slug: 'on' })
  await inParallel(Array.from({ length: 200 }), 16, async () => await gateway.call('GET', '/on', undefined, agent))
  await gateway.killGatewayAlone()
  await gateway.brokerGone()
  const again = await startService(t, { dataDir })
  await visitsWhen(again, 'on', 200)
  t.equal((await readVisits(again, topicName(again.prefix, 'visits'))).length, 200)
})

t.test('SIGTERM in the middle of visits: what was answered is counted, and the stop is in time', { skip: skipWithoutBuild }, async (t) => {
  const dataDir = testdir(t)
  const gateway = await startService(t, { dataDir })
  await gateway.call('POST', '/api/links', { url: 'https://example.com/on', slug: 'on' })
  let [answered, refused] = [0, 0]
  let stopped: Promise<number | null> | undefined
  const worker = async () => {
    while (refused === 0) {
      try {
        const { status } = await gateway.call('GET', '/on', undefined, agent)
        if (status === 302) answered++
        else refused++
      } catch {
        refused++
      }
      if (answered >= 300) stopped ??= gateway.stop()
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  t.equal(await stopped, 0, gateway.output())
  const again = await startService(t, { dataDir, prefix: gateway.prefix })
  const records = await until('the visits in the topic', async () => {
    const all = await readVisits(again, topicName(again.prefix, 'visits'))
    return all.length >= answered && all
  })
  t.ok(records.length <= answered + 16, `${records.length} visits for ${answered} answers`)
  await visitsWhen(again, 'on', records.length)
})
