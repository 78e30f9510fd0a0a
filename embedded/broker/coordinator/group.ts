// One consumer group of the classic protocol: who is in it, which generation, and who waits for whom. Kafka's states and rules
// (org.apache.kafka.coordinator.group.classic.ClassicGroup), one node, one thread.

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export interface Protocol { readonly name: string, readonly metadata: Buffer }

export interface JoinResult {
  readonly error: string
  readonly memberId: string
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly members: readonly { readonly memberId: string, readonly groupInstanceId: string | null, readonly metadata: Buffer }[]
  readonly skipAssignment: boolean
}

export interface SyncResult {
  readonly error: string
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export interface Member {
  memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly Protocol[]
  assignment: Buffer
  /** Set while a JoinGroup of the member waits for the others. */
  join: ((result: JoinResult) => void) | undefined
  /** Set while a SyncGroup waits for the leader's assignment. */
  sync: ((result: SyncResult) => void) | undefined
  timer: NodeJS.Timeout | undefined
}

const NO_BYTES = Buffer.alloc(0)

export function joinFailure (error: string, memberId: string): JoinResult {
  return { error, memberId, generationId: -1, protocolType: null, protocolName: null, leader: '', members: [], skipAssignment: false }
}

export function syncFailure (error: string): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: NO_BYTES }
}

export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  generationId = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leaderId: string | undefined
  readonly members = new Map<string, Member>()
  readonly staticMembers = new Map<string, string>()
  /** Member ids given out that have not come back with it yet, with what ends their wait. */
  readonly expected = new Map<string, NodeJS.Timeout>()
  rebalanceTimer: NodeJS.Timeout | undefined
  /** When the group last became empty, ms. */
  emptySince: number

  constructor (id: string, now: number) {
    this.id = id
    this.emptySince = now
  }

  /** Whether a newcomer's protocols fit: the same type, and at least one name that everybody has. */
  supports (protocolType: string, protocols: readonly Protocol[]): boolean {
    if (this.members.size === 0) return protocolType !== '' && protocols.length > 0
    if (this.protocolType !== protocolType) return false
    const common = this.#commonProtocols()
    return protocols.some(({ name }) => common.has(name))
  }

  #commonProtocols (): Set<string> {
    let common: Set<string> | undefined
    for (const { protocols } of this.members.values()) {
      const names = new Set(protocols.map(({ name }) => name))
      common = common === undefined ? names : new Set([...common].filter(name => names.has(name)))
    }
    return common ?? new Set()
  }

  /** The protocol that most members put first among those that all have. */
  #vote (): string {
    const common = this.#commonProtocols()
    const votes = new Map<string, number>()
    for (const { protocols } of this.members.values()) {
      const choice = protocols.find(({ name }) => common.has(name))?.name ?? ''
      votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    let best = ''
    for (const [name, count] of votes) if (count > (votes.get(best) ?? 0)) best = name
    return best
  }

  get rebalanceTimeoutMs (): number {
    return Math.max(0, ...[...this.members.values()].map(member => member.rebalanceTimeoutMs))
  }

  get allJoined (): boolean {
    return this.expected.size === 0 && [...this.members.values()].every(member => member.join !== undefined)
  }

  add (member: Member, protocolType: string): void {
    if (this.members.size === 0) this.protocolType = protocolType
    this.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId)
    this.leaderId ??= member.memberId
  }

  remove (memberId: string): void {
    const member = this.members.get(memberId)
    if (member === undefined) return
    clearTimeout(member.timer)
    this.members.delete(memberId)
    if (member.groupInstanceId !== null && this.staticMembers.get(member.groupInstanceId) === memberId) this.staticMembers.delete(member.groupInstanceId)
    if (this.leaderId === memberId) this.leaderId = this.#nextLeader()
    member.join?.(joinFailure('UNKNOWN_MEMBER_ID', memberId))
    member.sync?.(syncFailure('UNKNOWN_MEMBER_ID'))
  }

  #nextLeader (): string | undefined {
    const waiting = [...this.members.values()].find(member => member.join !== undefined)
    return waiting?.memberId ?? this.members.keys().next().value
  }

  /** Begins the next generation with the members that are there. */
  nextGeneration (): void {
    this.generationId++
    if (this.members.size === 0) {
      this.state = 'Empty'
      this.protocolName = null
      this.leaderId = undefined
      return
    }
    this.state = 'CompletingRebalance'
    this.protocolName = this.#vote()
  }

  joinResult (memberId: string, skipAssignment = false): JoinResult {
    const leads = memberId === this.leaderId
    return {
      error: 'NONE',
      memberId,
      generationId: this.generationId,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.leaderId ?? '',
      members: leads ? [...this.members.values()].map(member => this.#listed(member)) : [],
      skipAssignment
    }
  }

  #listed (member: Member) {
    const metadata = member.protocols.find(({ name }) => name === this.protocolName)?.metadata ?? NO_BYTES
    return { memberId: member.memberId, groupInstanceId: member.groupInstanceId, metadata }
  }

  syncResult (member: Member): SyncResult {
    return { error: 'NONE', protocolType: this.protocolType, protocolName: this.protocolName, assignment: member.assignment }
  }

  /** Whether the group reads a topic, as far as its members' subscriptions (ConsumerProtocolSubscription) can be read. */
  subscribesTo (topic: string): boolean {
    if (this.protocolType !== 'consumer' || this.members.size === 0) return false
    const wanted = Buffer.from(topic)
    return [...this.members.values()].some(member => member.protocols.some(({ metadata }) => listsTopic(metadata, wanted)))
  }
}

/** ConsumerProtocolSubscription: version int16 · topics array of string · … */
function listsTopic (metadata: Buffer, topic: Buffer): boolean {
  if (metadata.length < 6) return false
  let at = 6
  for (let left = metadata.readInt32BE(2); left > 0 && at + 2 <= metadata.length; left--) {
    const length = metadata.readInt16BE(at)
    at += 2
    if (metadata.subarray(at, at + length).equals(topic)) return true
    at += length
  }
  return false
}
