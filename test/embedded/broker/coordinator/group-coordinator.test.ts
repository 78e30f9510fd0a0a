import t, { type Test } from 'tap'
import { GroupCoordinator, type JoinRequest } from '../../../../embedded/broker/coordinator/group-coordinator.js'
import { GroupOffsets } from '../../../../embedded/broker/coordinator/group-offsets.js'
import type { JoinResult } from '../../../../embedded/broker/coordinator/group.js'
import { encodeMarker } from '../../../../embedded/records/control.js'
import { openLog } from '../log-start.js'
import { testdir } from '../../../helpers/testdir.js'

const SETTINGS = { sessionTimeoutMsMin: 1, sessionTimeoutMsMax: 60_000, initialRebalanceDelayMs: 0, sizeMax: 3, offsetsRetentionMs: 1000 }

async function coordinator (t: Test) {
  const { log, time } = await openLog(testdir(t))
  const groups = new GroupCoordinator(await GroupOffsets.open(log, () => time.now), SETTINGS, () => time.now)
  // The broker's listener keeps a process alive; its timers do not.
  const alive = setInterval(() => {}, 1000)
  t.teardown(async () => { clearInterval(alive); groups.close(); await log.close() })
  return { groups, time, log }
}

const request = (fields: Partial<JoinRequest> = {}): JoinRequest => ({
  groupId: 'g', memberId: '', groupInstanceId: null, clientId: 'c', clientHost: 'h', sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000,
  protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from('m') }], requiresMemberId: true, supportsSkipAssignment: true, ...fields
})

/** Joins as clients since 2019 do: first an id, then with it. */
async function join (groups: GroupCoordinator, fields: Partial<JoinRequest> = {}): Promise<JoinResult> {
  const first = await groups.join(request(fields))
  return first.error === 'MEMBER_ID_REQUIRED' ? await groups.join(request({ ...fields, memberId: first.memberId })) : first
}

const sync = (groups: GroupCoordinator, memberId: string, generationId: number, assignments: [string, string][] = []) => groups.sync({
  groupId: 'g', memberId, groupInstanceId: null, generationId, protocolType: null, protocolName: null,
  assignments: assignments.map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) }))
})

t.test('a newcomer gets its id first; alone it leads and assigns', async t => {
  const { groups } = await coordinator(t)
  const first = await groups.join(request())
  t.equal(first.error, 'MEMBER_ID_REQUIRED')
  const joined = await groups.join(request({ memberId: first.memberId }))
  t.match(joined, { error: 'NONE', generationId: 1, leader: first.memberId, protocolName: 'range', protocolType: 'consumer' })
  t.equal(joined.members.length, 1)
  t.equal(groups.get('g')!.state, 'CompletingRebalance')
  t.match(await sync(groups, first.memberId, 1, [[first.memberId, 'all']]), { error: 'NONE', assignment: Buffer.from('all') })
  t.equal(groups.get('g')!.state, 'Stable')
  t.equal(groups.heartbeat('g', first.memberId, null, 1), 'NONE')
  t.equal(groups.heartbeat('g', first.memberId, null, 2), 'ILLEGAL_GENERATION')
  t.equal(groups.heartbeat('g', 'nobody', null, 1), 'UNKNOWN_MEMBER_ID')
  t.equal(groups.heartbeat('none', 'nobody', null, 1), 'UNKNOWN_MEMBER_ID')
})

t.test('a second member waits for the first to come again; the protocol is one that both have', async t => {
  const { groups } = await coordinator(t)
  const named = (...names: string[]) => names.map(name => ({ name, metadata: Buffer.from(name) }))
  const a = await join(groups, { protocols: named('range', 'roundrobin') })
  await sync(groups, a.memberId, 1, [[a.memberId, 'all']])
  const waiting = join(groups, { protocols: named('roundrobin') })
  while (groups.get('g')!.state !== 'PreparingRebalance') await new Promise(resolve => setImmediate(resolve))
  t.equal(groups.heartbeat('g', a.memberId, null, 1), 'REBALANCE_IN_PROGRESS')
  const again = await groups.join(request({ memberId: a.memberId, protocols: named('range', 'roundrobin') }))
  const b = await waiting
  t.match([again, b], [{ generationId: 2, protocolName: 'roundrobin' }, { generationId: 2, protocolName: 'roundrobin', leader: a.memberId }])
  t.strictSame([again.members.length, b.members.length], [2, 0], 'only the leader learns who is there')
  const bSync = sync(groups, b.memberId, 2)
  await sync(groups, a.memberId, 2, [[a.memberId, 'one'], [b.memberId, 'two']])
  t.equal((await bSync).assignment.toString(), 'two')
  t.equal((await join(groups, { protocols: named('other') })).error, 'INCONSISTENT_GROUP_PROTOCOL')
  t.equal((await join(groups, { protocolType: 'connect', protocols: named('range') })).error, 'INCONSISTENT_GROUP_PROTOCOL')

  t.equal(groups.leave('g', a.memberId, null), 'NONE')
  t.equal(groups.leave('g', a.memberId, null), 'UNKNOWN_MEMBER_ID')
  t.match(await groups.join(request({ memberId: b.memberId, protocols: named('roundrobin') })), { generationId: 3, leader: b.memberId })
})

t.test('who does not come to a rebalance, or is silent for its session, is out', async t => {
  const { groups } = await coordinator(t)
  const a = await join(groups, { rebalanceTimeoutMs: 300 })
  await sync(groups, a.memberId, 1, [[a.memberId, 'all']])
  const b = await join(groups, { rebalanceTimeoutMs: 300, sessionTimeoutMs: 100 })
  t.match(b, { generationId: 2, leader: b.memberId })
  t.equal(groups.heartbeat('g', a.memberId, null, 2), 'UNKNOWN_MEMBER_ID')
  await sync(groups, b.memberId, 2, [[b.memberId, 'all']])
  while (groups.get('g')!.members.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(groups.get('g')!.state, 'Empty')
})

t.test('a static member comes back to its place, and its predecessor is fenced', async t => {
  const { groups } = await coordinator(t)
  const old = await join(groups, { groupInstanceId: 'i' })
  await groups.sync({
    groupId: 'g', memberId: old.memberId, groupInstanceId: 'i', generationId: 1, protocolType: null, protocolName: null,
    assignments: [{ memberId: old.memberId, assignment: Buffer.from('all') }]
  })
  const back = await join(groups, { groupInstanceId: 'i' })
  t.match(back, { error: 'NONE', generationId: 1, skipAssignment: true }, 'no rebalance')
  t.not(back.memberId, old.memberId)
  t.equal(groups.heartbeat('g', old.memberId, 'i', 1), 'FENCED_INSTANCE_ID')
  t.equal(groups.heartbeat('g', back.memberId, 'i', 1), 'NONE')
  t.equal(groups.commitFault('g', old.memberId, 'i', 1, false), 'FENCED_INSTANCE_ID')
  t.equal(groups.leave('g', '', 'i'), 'NONE', 'an administrator knows only the instance')
})

t.test('requests that cannot be', async t => {
  const { groups } = await coordinator(t)
  t.equal((await join(groups, { groupId: '' })).error, 'INVALID_GROUP_ID')
  t.equal((await join(groups, { sessionTimeoutMs: 60_001 })).error, 'INVALID_SESSION_TIMEOUT')
  t.equal((await join(groups, { memberId: 'made up' })).error, 'UNKNOWN_MEMBER_ID')
  t.equal((await join(groups, { protocols: [] })).error, 'INCONSISTENT_GROUP_PROTOCOL')
  for (let i = 0; i < 3; i++) await groups.join(request())
  t.equal((await groups.join(request())).error, 'GROUP_MAX_SIZE_REACHED', 'those that are awaited count')
})

t.test('who may commit', async t => {
  const { groups } = await coordinator(t)
  t.equal(groups.commitFault('g', '', null, -1, false), undefined, 'nobody is in the group')
  const a = await join(groups)
  t.equal(groups.commitFault('g', a.memberId, null, 1, false), 'REBALANCE_IN_PROGRESS')
  await sync(groups, a.memberId, 1, [[a.memberId, 'all']])
  t.equal(groups.commitFault('g', a.memberId, null, 1, false), undefined)
  t.equal(groups.commitFault('g', a.memberId, null, 7, false), 'ILLEGAL_GENERATION')
  t.equal(groups.commitFault('g', '', null, -1, false), 'UNKNOWN_MEMBER_ID', 'from outside, while somebody is in it')
  t.equal(groups.commitFault('g', '', null, -1, true), undefined, 'unless in a transaction')
})

t.test('offsets: committed, held back by a transaction, expired, read back', async t => {
  const { groups, time, log } = await coordinator(t)
  const key = { group: 'g', topic: 'x', partition: 0 }
  const value = (offset: number) => ({ offset, leaderEpoch: 0, metadata: 'é', commitTimestamp: time.now })
  groups.ensure('g')
  await groups.offsets.write([{ key, value: value(5) }])
  await groups.offsets.write([{ key, value: value(9) }], { producerId: 3, producerEpoch: 0 })
  t.match([groups.offsets.get('g', 'x', 0)?.offset, groups.offsets.isUnstable('g', 'x', 0)], [5, true])
  const halfway = await GroupOffsets.open(log, () => time.now)
  t.match([halfway.get('g', 'x', 0)?.offset, halfway.isUnstable('g', 'x', 0)], [5, true], 'the same from the log')

  await log.appendBatch(encodeMarker({ type: 'commit', producerId: 3, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 }), 'coordinator')
  groups.offsets.endTransaction(3, 'commit')
  t.strictSame(groups.offsets.get('g', 'x', 0), value(9))
  t.strictSame((await GroupOffsets.open(log, () => time.now)).get('g', 'x', 0), value(9))

  time.now += 2000
  await groups.expireOffsets()
  t.equal(groups.offsets.get('g', 'x', 0), undefined)
  t.equal(groups.get('g'), undefined)
  t.equal((await GroupOffsets.open(log, () => time.now)).get('g', 'x', 0), undefined)
})
