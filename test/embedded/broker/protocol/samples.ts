// One request of every API, every field set, for tests that go through the whole grammar.
import type { APIS, ApiName } from '../../../../embedded/broker/protocol/apis.js'
import type { Encodable } from '../../../../embedded/broker/protocol/schema.js'
import { encodeBatch } from '../../../../embedded/records/batch.js'

const BYTES = Buffer.from('some bytes')
const UUID = 'AAECAwQFBgcICQoLDA0ODw'
const records = encodeBatch([{ timestamp: 5, key: Buffer.from('k'), value: Buffer.from('v') }])

type Samples = { readonly [N in ApiName]?: Encodable<typeof APIS[N]['request']> }

export const SAMPLES: Samples = {
  addOffsetsToTxn: { transactionalId: 'tx', producerId: 4, producerEpoch: 1, groupId: 'g' },
  addPartitionsToTxn: { transactionalId: 'tx', producerId: 4, producerEpoch: 1, topics: [{ name: 't', partitions: [0, 2] }] },
  alterConfigs: { resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', value: '5' }] }], validateOnly: true },
  apiVersions: { clientSoftwareName: 'a-client', clientSoftwareVersion: '1.2' },
  createPartitions: { topics: [{ name: 't', count: 3, assignments: [{ brokerIds: [1] }] }], timeoutMs: 100, validateOnly: true },
  createTopics: {
    topics: [{
      name: 't', numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }], configs: [{ name: 'retention.ms', value: null }]
    }],
    timeoutMs: 100,
    validateOnly: true
  },
  deleteGroups: { groupsNames: ['g', 'h'] },
  deleteRecords: { topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 3 }] }], timeoutMs: 100 },
  deleteTopics: { topics: [{ name: null, topicId: UUID }], topicNames: ['t'], timeoutMs: 100 },
  describeCluster: { includeClusterAuthorizedOperations: true, endpointType: 1 },
  describeConfigs: {
    resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] }], includeSynonyms: true, includeDocumentation: true
  },
  describeGroups: { groups: ['g'], includeAuthorizedOperations: true },
  endTxn: { transactionalId: 'tx', producerId: 4, producerEpoch: 1, committed: true },
  fetch: {
    maxWaitMs: 10, minBytes: 1, maxBytes: 1000, isolationLevel: 1, sessionId: 0, sessionEpoch: -1, rackId: 'r',
    topics: [{ topic: 't', topicId: UUID, partitions: [{ partition: 0, fetchOffset: 2 ** 40, partitionMaxBytes: 500, currentLeaderEpoch: 0 }] }],
    forgottenTopics: [{ topic: 't', topicId: UUID, partitions: [1] }]
  },
  findCoordinator: { key: 'g', keyType: 0, coordinatorKeys: ['g', 'h'] },
  heartbeat: { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: 'i' },
  incrementalAlterConfigs: {
    resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', configOperation: 0, value: '5' }] }], validateOnly: true
  },
  initProducerId: { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId: 2 ** 33, producerEpoch: 2 },
  joinGroup: {
    groupId: 'g', sessionTimeoutMs: 6000, rebalanceTimeoutMs: 7000, memberId: '', groupInstanceId: 'i', protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: BYTES }], reason: 'why not'
  },
  leaveGroup: { groupId: 'g', memberId: 'm', members: [{ memberId: 'm', groupInstanceId: null, reason: 'done' }] },
  listGroups: { statesFilter: ['Stable'], typesFilter: ['classic'] },
  listOffsets: { replicaId: -1, isolationLevel: 1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: 0 }] }] },
  metadata: { topics: [{ name: 't', topicId: UUID }], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: true },
  offsetCommit: {
    groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: 'i',
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 9, committedLeaderEpoch: 0, committedMetadata: null }] }]
  },
  offsetDelete: { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] },
  offsetFetch: { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }], groups: [{ groupId: 'g', topics: null }], requireStable: true },
  offsetForLeaderEpoch: { replicaId: -1, topics: [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch: 0, leaderEpoch: 0 }] }] },
  produce: { transactionalId: null, acks: -1, timeoutMs: 100, topics: [{ name: 't', partitions: [{ index: 0, records }] }] },
  saslAuthenticate: { authBytes: BYTES },
  saslHandshake: { mechanism: 'PLAIN' },
  syncGroup: {
    groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: 'i', protocolType: 'consumer', protocolName: 'range',
    assignments: [{ memberId: 'm', assignment: BYTES }]
  },
  txnOffsetCommit: {
    transactionalId: 'tx', groupId: 'g', producerId: 4, producerEpoch: 1, generationId: 2, memberId: 'm', groupInstanceId: 'i',
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 9, committedLeaderEpoch: 0, committedMetadata: 'note' }] }]
  }
}
