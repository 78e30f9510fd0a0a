// Metadata, DescribeCluster, and what makes, grows and ends topics.
import { LogError, type TopicSpec } from '../../log.js'
import { advertisedVersions } from '../protocol/apis.js'
import { ERROR_CODES, errorCode } from '../protocol/errors.js'
import { NO_OPERATIONS, ZERO_UUID } from '../protocol/schema.js'
import type { Topic } from '../topics/topics.js'
import { NODE_ID, codeOf, messageOf, type Handler, type Response, type Services } from './context.js'
import { topicConfigEntries } from './configs.js'
import { LEADER_EPOCH } from './fetch.js'

/** All operations that Kafka's ACLs know for a cluster and for a topic: without ACLs everything is allowed. Bits as in AclOperation. */
const CLUSTER_OPERATIONS = bits(5, 7, 8, 9, 10, 11, 12)
const TOPIC_OPERATIONS = bits(3, 4, 5, 6, 7, 8, 10, 11)
export const GROUP_OPERATIONS = bits(3, 6, 8)

function bits (...operations: number[]): number {
  return operations.reduce((mask, operation) => mask | 1 << operation, 0)
}

export const apiVersionsHandler = (): Handler<'apiVersions'> => () => ({ errorCode: ERROR_CODES.NONE, apiKeys: advertisedVersions(), throttleTimeMs: 0 })

type MetadataTopic = NonNullable<Response<'metadata'>>['topics'][number]

export function metadataHandler (services: Services): Handler<'metadata'> {
  return async (request, { version }) => {
    const operations = request.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : NO_OPERATIONS
    // Before version 1 an empty list meant all topics.
    const all = request.topics === null || (version === 0 && request.topics.length === 0)
    const topics = all
      ? [...services.topics.all()].map(topic => describe(topic, operations))
      : await Promise.all(request.topics!.map(async wanted => await oneTopic(services, wanted, request.allowAutoTopicCreation, operations)))
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: NODE_ID, ...services.advertised, rack: null }],
      clusterId: services.clusterId,
      controllerId: NODE_ID,
      topics,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NO_OPERATIONS
    }
  }
}

async function oneTopic (
  services: Services, wanted: { topicId: string, name: string | null }, mayCreate: boolean, operations: number
): Promise<MetadataTopic> {
  const byId = wanted.topicId !== ZERO_UUID
  const name = byId ? services.topics.nameOf(wanted.topicId) : wanted.name
  const absent = (code: string): MetadataTopic => ({ errorCode: errorCode(code), name: wanted.name, topicId: wanted.topicId, partitions: [] })
  if (name === undefined || name === null) return absent(byId ? 'UNKNOWN_TOPIC_ID' : 'INVALID_TOPIC_EXCEPTION')
  const known = services.topics.get(name)
  if (known !== undefined) return describe(known, operations)
  try {
    // The check comes first: a name that no topic can have is invalid, not unknown.
    services.topics.check({ name, partitions: -1 })
    if (!services.autoCreateTopics || !mayCreate) return absent('UNKNOWN_TOPIC_OR_PARTITION')
    return describe(await services.topics.create({ name, partitions: -1 }), operations)
  } catch (error) {
    const raced = services.topics.get(name)
    return raced !== undefined ? describe(raced, operations) : absent(error instanceof LogError ? error.code : 'UNKNOWN_SERVER_ERROR')
  }
}

function describe (topic: Topic, operations: number): MetadataTopic {
  return {
    errorCode: ERROR_CODES.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.logs.map(({ partition }) => ({
      errorCode: ERROR_CODES.NONE, partitionIndex: partition, leaderId: NODE_ID, leaderEpoch: LEADER_EPOCH, replicaNodes: [NODE_ID], isrNodes: [NODE_ID]
    })),
    topicAuthorizedOperations: operations
  }
}

export function describeClusterHandler (services: Services): Handler<'describeCluster'> {
  return request => ({
    throttleTimeMs: 0,
    errorCode: ERROR_CODES.NONE,
    errorMessage: null,
    endpointType: request.endpointType,
    clusterId: services.clusterId,
    controllerId: NODE_ID,
    brokers: [{ brokerId: NODE_ID, ...services.advertised, rack: null }],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NO_OPERATIONS
  })
}

interface Creatable {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly { readonly partitionIndex: number, readonly brokerIds: readonly number[] }[]
  readonly configs: readonly { readonly name: string, readonly value: string | null }[]
}

function specOf ({ name, numPartitions, replicationFactor, assignments, configs }: Creatable): TopicSpec {
  const nulls = configs.filter(({ value }) => value === null)
  if (nulls.length > 0) throw new LogError('INVALID_CONFIG', `Null value not supported for topic configs: ${nulls.map(config => config.name).join(',')}`)
  const config = Object.fromEntries(configs.map(({ name, value }) => [name, value!]))
  if (assignments.length === 0) return { name, partitions: numPartitions, replicationFactor, config }
  if (numPartitions !== -1 || replicationFactor !== -1) {
    throw new LogError('INVALID_REQUEST', 'With replica assignments the number of partitions and the replication factor must be -1.')
  }
  checkAssignments(assignments)
  return { name, partitions: assignments.length, config }
}

function checkAssignments (assignments: Creatable['assignments']): void {
  const partitions = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b)
  const whole = partitions.every((partition, i) => partition === i)
  const here = assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === NODE_ID)
  if (!whole || !here) throw new LogError('INVALID_REPLICA_ASSIGNMENT', `Partitions must be numbered from 0 and each assigned to broker ${NODE_ID} alone.`)
}

export function createTopicsHandler (services: Services): Handler<'createTopics'> {
  return async request => {
    const names = request.topics.map(({ name }) => name)
    const topics = await Promise.all(request.topics.map(async creatable => {
      const { name } = creatable
      try {
        if (names.indexOf(name) !== names.lastIndexOf(name)) throw new LogError('INVALID_REQUEST', 'Duplicate topic name.')
        const spec = specOf(creatable)
        const { partitions } = services.topics.check(spec)
        const topic = request.validateOnly ? undefined : await services.topics.create(spec)
        return {
          name,
          topicId: topic?.id ?? ZERO_UUID,
          errorCode: ERROR_CODES.NONE,
          errorMessage: null,
          numPartitions: partitions,
          replicationFactor: 1,
          configs: topic === undefined ? [] : topicConfigEntries(services, topic)
        }
      } catch (error) {
        return { name, errorCode: codeOf(error, services.warn), errorMessage: messageOf(error) }
      }
    }))
    return { throttleTimeMs: 0, topics }
  }
}

export function deleteTopicsHandler (services: Services): Handler<'deleteTopics'> {
  return async request => {
    const wanted = [...request.topicNames.map(name => ({ name, topicId: ZERO_UUID })), ...request.topics]
    const topics = await Promise.all(wanted.map(async ({ name, topicId }) => {
      const known = name ?? services.topics.nameOf(topicId)
      try {
        if (known === undefined) throw new LogError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
        const id = services.topics.get(known)?.id ?? topicId
        await services.deleteTopic(known)
        return { name: known, topicId: id, errorCode: ERROR_CODES.NONE, errorMessage: null }
      } catch (error) {
        return { name: known ?? null, topicId, errorCode: codeOf(error, services.warn), errorMessage: messageOf(error) }
      }
    }))
    return { throttleTimeMs: 0, topics }
  }
}

export function createPartitionsHandler (services: Services): Handler<'createPartitions'> {
  return async request => {
    const results = await Promise.all(request.topics.map(async ({ name, count, assignments }) => {
      try {
        services.topics.checkPartitions(name, count)
        if (assignments !== null && !assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === NODE_ID)) {
          throw new LogError('INVALID_REPLICA_ASSIGNMENT', `Each new partition must be assigned to broker ${NODE_ID} alone.`)
        }
        if (!request.validateOnly) await services.topics.addPartitions(name, count)
        return { name, errorCode: ERROR_CODES.NONE, errorMessage: null }
      } catch (error) {
        return { name, errorCode: codeOf(error, services.warn), errorMessage: messageOf(error) }
      }
    }))
    return { throttleTimeMs: 0, results }
  }
}
