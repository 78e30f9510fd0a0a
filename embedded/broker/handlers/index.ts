// Which handler answers which API.
import { alterConfigsHandler, describeConfigsHandler, incrementalAlterConfigsHandler } from './configs.js'
import type { Handlers, Services } from './context.js'
import { fetchHandler } from './fetch.js'
import {
  deleteGroupsHandler, describeGroupsHandler, findCoordinatorHandler, heartbeatHandler, joinGroupHandler, leaveGroupHandler, listGroupsHandler,
  offsetCommitHandler, offsetDeleteHandler, offsetFetchHandler, syncGroupHandler
} from './groups.js'
import { deleteRecordsHandler, listOffsetsHandler, offsetForLeaderEpochHandler } from './offsets.js'
import { produceHandler } from './produce.js'
import {
  apiVersionsHandler, createPartitionsHandler, createTopicsHandler, deleteTopicsHandler, describeClusterHandler, metadataHandler
} from './topics.js'
import { describeProducersHandler, describeTransactionsHandler, listTransactionsHandler } from './transaction-listing.js'
import {
  addOffsetsToTxnHandler, addPartitionsToTxnHandler, endTxnHandler, initProducerIdHandler, txnOffsetCommitHandler
} from './transactions.js'

/** SASL is the connection's own affair: see sasl/. */
export type ServiceHandlers = Omit<Handlers, 'saslHandshake' | 'saslAuthenticate'>

export function makeHandlers (services: Services): ServiceHandlers {
  return {
    addOffsetsToTxn: addOffsetsToTxnHandler(services),
    addPartitionsToTxn: addPartitionsToTxnHandler(services),
    alterConfigs: alterConfigsHandler(services),
    apiVersions: apiVersionsHandler(),
    createPartitions: createPartitionsHandler(services),
    createTopics: createTopicsHandler(services),
    deleteGroups: deleteGroupsHandler(services),
    deleteRecords: deleteRecordsHandler(services),
    deleteTopics: deleteTopicsHandler(services),
    describeCluster: describeClusterHandler(services),
    describeConfigs: describeConfigsHandler(services),
    describeGroups: describeGroupsHandler(services),
    describeProducers: describeProducersHandler(services),
    describeTransactions: describeTransactionsHandler(services),
    endTxn: endTxnHandler(services),
    fetch: fetchHandler(services),
    findCoordinator: findCoordinatorHandler(services),
    heartbeat: heartbeatHandler(services),
    incrementalAlterConfigs: incrementalAlterConfigsHandler(services),
    initProducerId: initProducerIdHandler(services),
    joinGroup: joinGroupHandler(services),
    leaveGroup: leaveGroupHandler(services),
    listGroups: listGroupsHandler(services),
    listOffsets: listOffsetsHandler(services),
    listTransactions: listTransactionsHandler(services),
    metadata: metadataHandler(services),
    offsetCommit: offsetCommitHandler(services),
    offsetDelete: offsetDeleteHandler(services),
    offsetFetch: offsetFetchHandler(services),
    offsetForLeaderEpoch: offsetForLeaderEpochHandler(services),
    produce: produceHandler(services),
    syncGroup: syncGroupHandler(services),
    txnOffsetCommit: txnOffsetCommitHandler(services)
  }
}
