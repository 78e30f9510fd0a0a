// Everything that asks the group coordinator: membership, committed offsets, and the looks that administrators take.
import { LogError } from '../../log.js'
import type { Group } from '../coordinator/group.js'
import { OFFSET_METADATA_BYTES_MAX, type OffsetChange } from '../coordinator/group-offsets.js'
import { ERROR_CODES, errorCode } from '../protocol/errors.js'
import { NO_OPERATIONS } from '../protocol/schema.js'
import { NODE_ID, codeOf, type Handler, type Services } from './context.js'
import { GROUP_OPERATIONS } from './topics.js'

const NO_BYTES = Buffer.alloc(0)

export function findCoordinatorHandler (services: Services): Handler<'findCoordinator'> {
  return ({ key, keyType, coordinatorKeys }, { version }) => {
    const known = keyType === 0 || keyType === 1
    const errorName = known ? 'NONE' : 'INVALID_REQUEST'
    const one = { nodeId: known ? NODE_ID : -1, host: known ? services.advertised.host : '', port: known ? services.advertised.port : -1, errorCode: errorCode(errorName) }
    const errorMessage = known ? null : `Unknown coordinator type: ${keyType}`
    return version < 4
      ? { throttleTimeMs: 0, ...one, errorMessage }
      : { throttleTimeMs: 0, coordinators: coordinatorKeys.map(each => ({ key: each, ...one, errorMessage: errorMessage ?? '' })) }
  }
}

export function joinGroupHandler (services: Services): Handler<'joinGroup'> {
  return async (request, { version, clientId, clientHost }) => {
    const { error, ...result } = await services.groups.join({
      ...request,
      clientId,
      clientHost,
      // Before version 1 there was one timeout for both.
      rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      // Parts of a frame that would keep all of it in memory.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      requiresMemberId: version >= 4,
      supportsSkipAssignment: version >= 9
    })
    return { throttleTimeMs: 0, errorCode: errorCode(error), ...result }
  }
}

export function syncGroupHandler (services: Services): Handler<'syncGroup'> {
  return async request => {
    const { error, ...result } = await services.groups.sync(request)
    return { throttleTimeMs: 0, errorCode: errorCode(error), ...result }
  }
}

export function heartbeatHandler (services: Services): Handler<'heartbeat'> {
  return ({ groupId, memberId, groupInstanceId, generationId }) => ({
    throttleTimeMs: 0, errorCode: errorCode(services.groups.heartbeat(groupId, memberId, groupInstanceId, generationId))
  })
}

export function leaveGroupHandler (services: Services): Handler<'leaveGroup'> {
  return (request, { version }) => {
    const { groupId } = request
    if (version < 3) return { throttleTimeMs: 0, errorCode: errorCode(services.groups.leave(groupId, request.memberId, null)) }
    const members = request.members.map(({ memberId, groupInstanceId }) => ({
      memberId, groupInstanceId, errorCode: errorCode(services.groups.leave(groupId, memberId, groupInstanceId))
    }))
    return { throttleTimeMs: 0, errorCode: ERROR_CODES.NONE, members }
  }
}

interface CommitPartition {
  readonly partitionIndex: number, readonly committedOffset: number, readonly committedLeaderEpoch: number, readonly committedMetadata: string | null
}
interface CommitTopic { readonly name: string, readonly partitions: readonly CommitPartition[] }

/** Writes those of a request's offsets that can be taken; `fault` refuses all. Shared by OffsetCommit and TxnOffsetCommit. */
export async function commitOffsets (
  services: Services, group: string, topics: readonly CommitTopic[], fault: string | undefined, producer?: { producerId: number, producerEpoch: number }
) {
  const changes: OffsetChange[] = []
  const answers = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(partition => {
      const wrong = fault ?? commitFault(services, name, partition)
      if (wrong === undefined) changes.push(changeOf(services, group, name, partition))
      return { partitionIndex: partition.partitionIndex, errorCode: errorCode(wrong ?? 'NONE') }
    })
  }))
  if (changes.length === 0) return answers
  try {
    services.groups.ensure(group)
    await services.groups.offsets.write(changes, producer)
    return answers
  } catch (error) {
    const code = codeOf(error, services.warn)
    return answers.map(({ name, partitions }) => ({
      name, partitions: partitions.map(answer => answer.errorCode === 0 ? { ...answer, errorCode: code } : answer)
    }))
  }
}

function commitFault (services: Services, topic: string, { partitionIndex, committedMetadata }: CommitPartition): string | undefined {
  if (services.topics.log(topic, partitionIndex) === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  return Buffer.byteLength(committedMetadata ?? '') > OFFSET_METADATA_BYTES_MAX ? 'OFFSET_METADATA_TOO_LARGE' : undefined
}

function changeOf (services: Services, group: string, topic: string, partition: CommitPartition): OffsetChange {
  return {
    key: { group, topic, partition: partition.partitionIndex },
    value: {
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestamp: services.clock()
    }
  }
}

export function offsetCommitHandler (services: Services): Handler<'offsetCommit'> {
  return async ({ groupId, memberId, groupInstanceId, generationId, topics }) => {
    const fault = services.groups.commitFault(groupId, memberId, groupInstanceId, generationId, false)
    return { throttleTimeMs: 0, topics: await commitOffsets(services, groupId, topics, fault) }
  }
}

type WantedTopics = readonly { readonly name: string, readonly partitionIndexes: readonly number[] }[] | null

function fetchOffsets (services: Services, group: string, topics: WantedTopics, requireStable: boolean) {
  const { offsets } = services.groups
  return (topics ?? allOf(services, group)).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const unstable = requireStable && offsets.isUnstable(group, name, partitionIndex)
      const found = unstable ? undefined : offsets.get(group, name, partitionIndex)
      return {
        partitionIndex,
        committedOffset: found?.offset ?? -1,
        committedLeaderEpoch: found?.leaderEpoch ?? -1,
        metadata: found?.metadata ?? '',
        errorCode: errorCode(unstable ? 'UNSTABLE_OFFSET_COMMIT' : 'NONE')
      }
    })
  }))
}

function allOf (services: Services, group: string): { name: string, partitionIndexes: number[] }[] {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of services.groups.offsets.of(group)) {
    const list = byTopic.get(topic)
    if (list === undefined) byTopic.set(topic, [partition])
    else list.push(partition)
  }
  return [...byTopic].map(([name, partitionIndexes]) => ({ name, partitionIndexes }))
}

export function offsetFetchHandler (services: Services): Handler<'offsetFetch'> {
  return (request, { version }) => {
    const { requireStable } = request
    if (version < 8) return { throttleTimeMs: 0, topics: fetchOffsets(services, request.groupId, request.topics, requireStable), errorCode: ERROR_CODES.NONE }
    const groups = request.groups.map(({ groupId, topics }) => ({
      groupId, topics: fetchOffsets(services, groupId, topics, requireStable), errorCode: ERROR_CODES.NONE
    }))
    return { throttleTimeMs: 0, groups }
  }
}

export function offsetDeleteHandler (services: Services): Handler<'offsetDelete'> {
  return async ({ groupId, topics }) => {
    const group = services.groups.get(groupId)
    const failure = (code: string) => ({ errorCode: errorCode(code), throttleTimeMs: 0, topics: [] })
    if (groupId === '') return failure('INVALID_GROUP_ID')
    if (group === undefined) return failure('GROUP_ID_NOT_FOUND')
    if (group.members.size > 0 && group.protocolType !== 'consumer') return failure('NON_EMPTY_GROUP')
    const changes: OffsetChange[] = []
    const answers = topics.map(({ name, partitions }) => {
      const subscribed = group.subscribesTo(name)
      return {
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const known = services.groups.offsets.get(groupId, name, partitionIndex) !== undefined
          if (known && !subscribed) changes.push({ key: { group: groupId, topic: name, partition: partitionIndex }, value: null })
          const exists = known || services.topics.log(name, partitionIndex) !== undefined
          return { partitionIndex, errorCode: errorCode(!exists ? 'UNKNOWN_TOPIC_OR_PARTITION' : subscribed ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE') }
        })
      }
    })
    await services.groups.offsets.write(changes)
    services.groups.forgetIfUnused(group)
    return { errorCode: ERROR_CODES.NONE, throttleTimeMs: 0, topics: answers }
  }
}

function describeGroup (groupId: string, group: Group | undefined, authorizedOperations: number) {
  if (group === undefined) {
    return { errorCode: ERROR_CODES.NONE, groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [], authorizedOperations }
  }
  const stable = group.state === 'Stable'
  return {
    errorCode: ERROR_CODES.NONE,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? group.protocolName ?? '' : '',
    members: [...group.members.values()].map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: `/${member.clientHost}`,
      memberMetadata: stable ? member.protocols.find(({ name }) => name === group.protocolName)?.metadata ?? NO_BYTES : NO_BYTES,
      memberAssignment: member.assignment
    })),
    authorizedOperations
  }
}

export function describeGroupsHandler (services: Services): Handler<'describeGroups'> {
  return ({ groups, includeAuthorizedOperations }) => ({
    throttleTimeMs: 0,
    groups: groups.map(id => describeGroup(id, services.groups.get(id), includeAuthorizedOperations ? GROUP_OPERATIONS : NO_OPERATIONS))
  })
}

export function listGroupsHandler (services: Services): Handler<'listGroups'> {
  return ({ statesFilter, typesFilter }) => {
    const states = new Set(statesFilter.map(state => state.toLowerCase()))
    const classic = typesFilter.length === 0 || typesFilter.some(type => type.toLowerCase() === 'classic')
    const groups = classic ? [...services.groups.all()].filter(({ state }) => states.size === 0 || states.has(state.toLowerCase())) : []
    return {
      throttleTimeMs: 0,
      errorCode: ERROR_CODES.NONE,
      groups: groups.map(({ id, protocolType, state }) => ({ groupId: id, protocolType: protocolType ?? '', groupState: state, groupType: 'classic' }))
    }
  }
}

export function deleteGroupsHandler (services: Services): Handler<'deleteGroups'> {
  return async ({ groupsNames }) => {
    const results = await Promise.all(groupsNames.map(async groupId => {
      try {
        return { groupId, errorCode: errorCode(await services.groups.delete(groupId)) }
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        return { groupId, errorCode: errorCode(error.code) }
      }
    }))
    return { throttleTimeMs: 0, results }
  }
}
