// The group coordinator: joins, rebalances, heartbeats, and who may commit (org.apache.kafka.coordinator.group, classic protocol; KIP-62, 345, 394, 814).
import { randomUUID } from 'node:crypto'
import { LogError } from '../../log.js'
import { Group, joinFailure, syncFailure, type JoinResult, type Member, type Protocol, type SyncResult } from './group.js'
import type { GroupOffsets } from './group-offsets.js'

export interface GroupSettings {
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
  /** How long the first member of an empty group waits for others. */
  readonly initialRebalanceDelayMs: number
  readonly sizeMax: number
  /** Committed offsets of a group without members stay this long; -1 for ever. */
  readonly offsetsRetentionMs: number
}

/** Groups with members: more are refused. */
const GROUPS_MAX = 100_000

export interface JoinRequest {
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** From JoinGroup version 4 on a newcomer first gets its id and comes again with it (KIP-394). */
  readonly requiresMemberId: boolean
  readonly supportsSkipAssignment: boolean
}

export class GroupCoordinator {
  readonly offsets: GroupOffsets
  readonly #settings: GroupSettings
  readonly #clock: () => number
  readonly #groups = new Map<string, Group>()

  constructor (offsets: GroupOffsets, settings: GroupSettings, clock: () => number) {
    this.offsets = offsets
    this.#settings = settings
    this.#clock = clock
    for (const id of offsets.groups()) this.#groups.set(id, new Group(id, clock()))
  }

  get (groupId: string): Group | undefined { return this.#groups.get(groupId) }
  all (): Iterable<Group> { return this.#groups.values() }

  join (request: JoinRequest): Promise<JoinResult> | JoinResult {
    const { groupId, memberId, sessionTimeoutMs } = request
    if (groupId === '') return joinFailure('INVALID_GROUP_ID', memberId)
    if (sessionTimeoutMs < this.#settings.sessionTimeoutMsMin || sessionTimeoutMs > this.#settings.sessionTimeoutMsMax) {
      return joinFailure('INVALID_SESSION_TIMEOUT', memberId)
    }
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      if (memberId !== '') return joinFailure('UNKNOWN_MEMBER_ID', memberId)
      if (!this.#hasRoom()) return joinFailure('GROUP_MAX_SIZE_REACHED', memberId)
      group = new Group(groupId, this.#clock())
      this.#groups.set(groupId, group)
    }
    const known = group.members.has(memberId)
    if (!known && group.members.size + group.expected.size >= this.#settings.sizeMax && !group.expected.has(memberId)) {
      return joinFailure('GROUP_MAX_SIZE_REACHED', memberId)
    }
    if (!group.supports(request.protocolType, request.protocols)) return joinFailure('INCONSISTENT_GROUP_PROTOCOL', memberId)
    return memberId === '' ? this.#joinNew(group, request) : this.#rejoin(group, request)
  }

  #joinNew (group: Group, request: JoinRequest): Promise<JoinResult> | JoinResult {
    const memberId = `${request.groupInstanceId ?? request.clientId}-${randomUUID()}`
    const predecessor = request.groupInstanceId === null ? undefined : group.staticMembers.get(request.groupInstanceId)
    if (predecessor !== undefined) return this.#replaceStatic(group, predecessor, memberId, request)
    if (request.groupInstanceId === null && request.requiresMemberId) {
      const timer = setTimeout(() => {
        group.expected.delete(memberId)
        if (group.state === 'PreparingRebalance') this.#tryComplete(group)
      }, request.sessionTimeoutMs)
      timer.unref()
      group.expected.set(memberId, timer)
      return joinFailure('MEMBER_ID_REQUIRED', memberId)
    }
    return this.#addMember(group, memberId, request)
  }

  /** A static member that comes again, after a restart say, takes its old place under a new id (KIP-345). */
  #replaceStatic (group: Group, oldId: string, memberId: string, request: JoinRequest): Promise<JoinResult> | JoinResult {
    const old = group.members.get(oldId)!
    clearTimeout(old.timer)
    old.join?.(joinFailure('FENCED_INSTANCE_ID', oldId))
    old.sync?.(syncFailure('FENCED_INSTANCE_ID'))
    const led = group.leaderId === oldId
    const unchanged = sameProtocols(old.protocols, request.protocols)
    group.members.delete(oldId)
    const member: Member = { ...old, memberId, protocols: request.protocols, join: undefined, sync: undefined, timer: undefined }
    group.add(member, request.protocolType)
    if (led) group.leaderId = memberId
    this.#watch(group, member)
    if (group.state === 'Stable' && unchanged) {
      if (!led || request.supportsSkipAssignment) return group.joinResult(memberId, led)
    }
    return this.#waitForRebalance(group, member)
  }

  #addMember (group: Group, memberId: string, request: JoinRequest): Promise<JoinResult> {
    const timer = group.expected.get(memberId)
    clearTimeout(timer)
    group.expected.delete(memberId)
    const member: Member = {
      memberId,
      groupInstanceId: request.groupInstanceId,
      clientId: request.clientId,
      clientHost: request.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocols: request.protocols,
      assignment: Buffer.alloc(0),
      join: undefined,
      sync: undefined,
      timer: undefined
    }
    group.add(member, request.protocolType)
    return this.#waitForRebalance(group, member)
  }

  #rejoin (group: Group, request: JoinRequest): Promise<JoinResult> | JoinResult {
    const { memberId } = request
    const member = group.members.get(memberId)
    if (group.expected.has(memberId)) return this.#addMember(group, memberId, request)
    const fenced = staticFault(group, memberId, request.groupInstanceId)
    if (fenced !== undefined) return joinFailure(fenced, memberId)
    if (member === undefined) return joinFailure('UNKNOWN_MEMBER_ID', memberId)
    const unchanged = sameProtocols(member.protocols, request.protocols)
    // An answer got lost, or a follower asks again: the generation as it stands.
    const asItStands = unchanged && (group.state === 'CompletingRebalance' || (group.state === 'Stable' && memberId !== group.leaderId))
    this.#watch(group, member)
    if (asItStands) return group.joinResult(memberId)
    member.protocols = request.protocols
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    return this.#waitForRebalance(group, member)
  }

  #waitForRebalance (group: Group, member: Member): Promise<JoinResult> {
    return new Promise(resolve => {
      member.join?.(joinFailure('UNKNOWN_MEMBER_ID', member.memberId))
      member.join = resolve
      // While it waits here it cannot send heartbeats; its connection's end is seen at the rebalance after this one.
      clearTimeout(member.timer)
      if (group.state === 'PreparingRebalance') this.#tryComplete(group)
      else this.#prepareRebalance(group)
    })
  }

  #prepareRebalance (group: Group): void {
    for (const member of group.members.values()) {
      member.sync?.(syncFailure('REBALANCE_IN_PROGRESS'))
      member.sync = undefined
      member.assignment = Buffer.alloc(0)
    }
    const wasEmpty = group.state === 'Empty'
    group.state = 'PreparingRebalance'
    clearTimeout(group.rebalanceTimer)
    const delay = this.#settings.initialRebalanceDelayMs
    if (wasEmpty && delay > 0) {
      group.rebalanceTimer = setTimeout(() => {
        group.rebalanceTimer = undefined
        this.#startRebalanceTimer(group)
        this.#tryComplete(group)
      }, delay)
      return
    }
    this.#startRebalanceTimer(group)
    this.#tryComplete(group)
  }

  #startRebalanceTimer (group: Group): void {
    group.rebalanceTimer = setTimeout(() => this.#completeJoin(group), group.rebalanceTimeoutMs)
    group.rebalanceTimer.unref()
  }

  #tryComplete (group: Group): void {
    if (group.allJoined && group.rebalanceTimer !== undefined) this.#completeJoin(group)
  }

  /** All are here, or time is up: who has not come is out, static members excepted until their session ends. */
  #completeJoin (group: Group): void {
    clearTimeout(group.rebalanceTimer)
    group.rebalanceTimer = undefined
    for (const member of [...group.members.values()]) {
      if (member.join === undefined && member.groupInstanceId === null) group.remove(member.memberId)
    }
    const leader = group.leaderId === undefined ? undefined : group.members.get(group.leaderId)
    if (leader?.join === undefined) {
      group.leaderId = [...group.members.values()].find(member => member.join !== undefined)?.memberId ?? group.leaderId
    }
    group.nextGeneration()
    if (group.members.size === 0) {
      group.emptySince = this.#clock()
      return
    }
    for (const member of group.members.values()) {
      const { join } = member
      member.join = undefined
      this.#watch(group, member)
      join?.(group.joinResult(member.memberId))
    }
    // Members that never ask for their assignment would hold the others up for ever.
    group.rebalanceTimer = setTimeout(() => this.#expireSync(group, group.generationId), group.rebalanceTimeoutMs)
    group.rebalanceTimer.unref()
  }

  #expireSync (group: Group, generationId: number): void {
    if (group.state !== 'CompletingRebalance' || group.generationId !== generationId) return
    for (const member of [...group.members.values()]) if (member.sync === undefined) group.remove(member.memberId)
    this.#prepareRebalance(group)
  }

  /** (Re)starts the member's session. */
  #watch (group: Group, member: Member): void {
    clearTimeout(member.timer)
    member.timer = setTimeout(() => this.#expire(group, member), member.sessionTimeoutMs)
    member.timer.unref()
  }

  #expire (group: Group, member: Member): void {
    if (group.members.get(member.memberId) !== member || member.join !== undefined) return
    this.#removeMember(group, member.memberId)
  }

  #removeMember (group: Group, memberId: string): void {
    group.remove(memberId)
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.#prepareRebalance(group)
    else if (group.state === 'PreparingRebalance') this.#tryComplete(group)
  }

  /** A group that its members have left stays, as Kafka's does, until the next clean-up or until its last offset is deleted. */
  forgetIfUnused (group: Group): void {
    if (group.members.size === 0 && group.expected.size === 0 && !this.offsets.has(group.id) && group.state === 'Empty') this.#groups.delete(group.id)
  }

  #hasRoom (): boolean {
    if (this.#groups.size >= GROUPS_MAX) for (const group of [...this.#groups.values()]) this.forgetIfUnused(group)
    return this.#groups.size < GROUPS_MAX
  }

  sync (request: {
    groupId: string, memberId: string, groupInstanceId: string | null, generationId: number, protocolType: string | null, protocolName: string | null
    assignments: readonly { memberId: string, assignment: Buffer }[]
  }): Promise<SyncResult> | SyncResult {
    const group = this.#groups.get(request.groupId)
    const fault = memberFault(group, request.memberId, request.groupInstanceId, request.generationId)
    if (group === undefined || fault !== undefined) return syncFailure(fault ?? 'UNKNOWN_MEMBER_ID')
    if ((request.protocolType !== null && request.protocolType !== group.protocolType) ||
        (request.protocolName !== null && request.protocolName !== group.protocolName)) return syncFailure('INCONSISTENT_GROUP_PROTOCOL')
    const member = group.members.get(request.memberId)!
    if (group.state === 'PreparingRebalance') return syncFailure('REBALANCE_IN_PROGRESS')
    if (group.state === 'Stable') {
      this.#watch(group, member)
      return group.syncResult(member)
    }
    if (group.state !== 'CompletingRebalance') return syncFailure('UNKNOWN_MEMBER_ID')
    return new Promise(resolve => {
      member.sync?.(syncFailure('REBALANCE_IN_PROGRESS'))
      member.sync = resolve
      if (request.memberId === group.leaderId) this.#assign(group, request.assignments)
    })
  }

  #assign (group: Group, assignments: readonly { memberId: string, assignment: Buffer }[]): void {
    clearTimeout(group.rebalanceTimer)
    group.rebalanceTimer = undefined
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    group.state = 'Stable'
    for (const member of group.members.values()) {
      // Kept as long as the generation: the frame it came in must not be kept with it.
      member.assignment = Buffer.from(byMember.get(member.memberId) ?? '')
      const { sync } = member
      member.sync = undefined
      this.#watch(group, member)
      sync?.(group.syncResult(member))
    }
  }

  /** Gives the name of an error, NONE where all is well. */
  heartbeat (groupId: string, memberId: string, groupInstanceId: string | null, generationId: number): string {
    const group = this.#groups.get(groupId)
    const fault = memberFault(group, memberId, groupInstanceId, generationId)
    if (group === undefined || fault !== undefined) return fault ?? 'UNKNOWN_MEMBER_ID'
    const member = group.members.get(memberId)!
    if (member.join === undefined) this.#watch(group, member)
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  leave (groupId: string, memberId: string, groupInstanceId: string | null): string {
    const group = this.#groups.get(groupId)
    if (group === undefined) return 'UNKNOWN_MEMBER_ID'
    const timer = group.expected.get(memberId)
    if (timer !== undefined) {
      clearTimeout(timer)
      group.expected.delete(memberId)
      if (group.state === 'PreparingRebalance') this.#tryComplete(group)
      return 'NONE'
    }
    // An administrator removes a static member by its instance id alone.
    const id = memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId
    if (id === undefined) return 'UNKNOWN_MEMBER_ID'
    const fault = staticFault(group, id, groupInstanceId)
    if (fault !== undefined) return fault
    if (!group.members.has(id)) return 'UNKNOWN_MEMBER_ID'
    this.#removeMember(group, id)
    return 'NONE'
  }

  /**
   * Whether a commit may be taken. Without a generation (-1) it comes from outside the group's protocol: allowed while nobody is in it. Within a
   * transaction that is allowed at any time (KIP-447's older clients).
   */
  commitFault (groupId: string, memberId: string, groupInstanceId: string | null, generationId: number, transactional: boolean): string | undefined {
    const group = this.#groups.get(groupId)
    if (groupId === '') return 'INVALID_GROUP_ID'
    if (generationId < 0 && memberId === '') return transactional || group === undefined || group.members.size === 0 ? undefined : 'UNKNOWN_MEMBER_ID'
    if (group === undefined) return generationId < 0 ? undefined : 'ILLEGAL_GENERATION'
    const fault = memberFault(group, memberId, groupInstanceId, generationId)
    if (fault !== undefined) return fault
    if (group.state === 'CompletingRebalance' && !transactional) return 'REBALANCE_IN_PROGRESS'
    const member = group.members.get(memberId)
    if (member !== undefined && member.join === undefined) this.#watch(group, member)
    return undefined
  }

  /** Makes the group known that has committed without ever joining. */
  ensure (groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      if (!this.#hasRoom()) throw new LogError('GROUP_MAX_SIZE_REACHED', `This broker keeps at most ${GROUPS_MAX} groups`)
      group = new Group(groupId, this.#clock())
      this.#groups.set(groupId, group)
    }
    return group
  }

  async delete (groupId: string): Promise<string> {
    if (groupId === '') return 'INVALID_GROUP_ID'
    const group = this.#groups.get(groupId)
    if (group === undefined) return 'GROUP_ID_NOT_FOUND'
    if (group.members.size > 0 || group.expected.size > 0) return 'NON_EMPTY_GROUP'
    await this.offsets.deleteGroup(groupId)
    group.state = 'Dead'
    this.#groups.delete(groupId)
    return 'NONE'
  }

  /** Forgets groups without members and offsets, and the offsets of groups that have been without members for the retention time. */
  async expireOffsets (): Promise<void> {
    const { offsetsRetentionMs } = this.#settings
    for (const group of [...this.#groups.values()]) this.forgetIfUnused(group)
    if (offsetsRetentionMs < 0) return
    const before = this.#clock() - offsetsRetentionMs
    for (const group of [...this.#groups.values()]) {
      if (group.members.size > 0 || group.expected.size > 0 || group.emptySince > before) continue
      const old = this.offsets.of(group.id).filter(({ value }) => value.commitTimestamp < before)
      await this.offsets.write(old.map(({ topic, partition }) => ({ key: { group: group.id, topic, partition }, value: null })))
      this.forgetIfUnused(group)
    }
  }

  /** Ends all waits and timers. */
  close (): void {
    for (const group of this.#groups.values()) {
      clearTimeout(group.rebalanceTimer)
      for (const timer of group.expected.values()) clearTimeout(timer)
      for (const member of group.members.values()) {
        clearTimeout(member.timer)
        member.join?.(joinFailure('COORDINATOR_NOT_AVAILABLE', member.memberId))
        member.sync?.(syncFailure('COORDINATOR_NOT_AVAILABLE'))
      }
    }
    this.#groups.clear()
  }
}

function sameProtocols (a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return a.length === b.length && a.every(({ name, metadata }, i) => b[i]!.name === name && b[i]!.metadata.equals(metadata))
}

/** A static member whose place another has taken is fenced. */
function staticFault (group: Group, memberId: string, groupInstanceId: string | null): string | undefined {
  if (groupInstanceId === null) return undefined
  const current = group.staticMembers.get(groupInstanceId)
  if (current === undefined) return 'UNKNOWN_MEMBER_ID'
  return current === memberId ? undefined : 'FENCED_INSTANCE_ID'
}

function memberFault (group: Group | undefined, memberId: string, groupInstanceId: string | null, generationId: number): string | undefined {
  if (group === undefined || group.state === 'Dead') return 'UNKNOWN_MEMBER_ID'
  const fenced = staticFault(group, memberId, groupInstanceId)
  if (fenced !== undefined) return fenced
  if (!group.members.has(memberId)) return 'UNKNOWN_MEMBER_ID'
  return generationId === group.generationId ? undefined : 'ILLEGAL_GENERATION'
}
