import t from 'tap'
import { KeyRing } from '../../../gateway/access/key-ring.js'
import type { ApiKey } from '../../../gateway/queries/api-keys.js'

const key = (id: string, more: Partial<ApiKey> = {}): ApiKey => ({
  id, name: id, secretSha256: '', scopes: ['admin'], domains: [], tags: [], expiresAt: null, createdAt: 1, createdBy: 'x', revokedAt: null, revokedBy: null, ...more
})

const start = (rows: () => Promise<readonly ApiKey[]>) => {
  const state = { now: 0, reads: 0 }
  const ring = new KeyRing({ load: async () => { state.reads++; return await rows() }, staleMs: 1_000, now: () => state.now })
  return { state, ring }
}

t.test('without the feed the keys are believed for the short while, and reads are shared', async t => {
  const { state, ring } = start(async () => [key('a')])
  t.notOk(ring.locked)
  await Promise.all([ring.fresh(), ring.fresh(), ring.fresh()])
  t.equal(state.reads, 1)
  t.ok(ring.locked)
  state.now = 999
  await ring.fresh()
  t.equal(state.reads, 1)
  state.now = 1_000
  await ring.fresh()
  t.equal(state.reads, 2)
})

t.test('with the feed what was read since it settled is believed for half a minute', async t => {
  const { state, ring } = start(async () => [])
  ring.setFeed(true)
  await ring.fresh()
  state.now = 2_000
  await ring.fresh()
  t.equal(state.reads, 2, 'read before the feed stood at the end of the topic')
  state.now = 6_000
  await ring.fresh()
  state.now = 35_999
  await ring.fresh()
  t.equal(state.reads, 3)
  state.now = 36_000
  await ring.fresh()
  t.equal(state.reads, 4)
  ring.setFeed(false)
  state.now = 37_001
  await ring.fresh()
  t.equal(state.reads, 5)
})

t.test('keys that cannot be read are not believed', async t => {
  let failing = false
  const { state, ring } = start(async () => { if (failing) throw new Error('away'); return [key('a')] })
  await ring.fresh()
  failing = true
  state.now = 5_000
  await t.rejects(ring.fresh(), { message: 'away' })
  failing = false
  await ring.fresh()
})

t.test('a revoked key stays revoked, whatever comes later', async t => {
  const { state, ring } = start(async () => [key('a')])
  await ring.fresh()
  ring.changed(key('a', { revokedAt: 5 }))
  t.equal(ring.get('a')?.revokedAt, 5)
  ring.changed(key('a'))
  state.now = 2_000
  await ring.fresh()
  t.equal(state.reads, 2)
  t.equal(ring.get('a')?.revokedAt, 5, 'a read that was behind the feed')
})

t.test('a service that had a key once stays locked', async t => {
  const { ring } = start(async () => [])
  ring.lock()
  await ring.fresh()
  t.ok(ring.locked)
})
