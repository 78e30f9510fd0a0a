// All APIs that this broker answers: what ApiVersions advertises and what the server looks a request up in.
import { addOffsetsToTxn } from './add-offsets-to-txn.js'
import { addPartitionsToTxn } from './add-partitions-to-txn.js'
import { alterConfigs } from './alter-configs.js'
import type { Api } from './api.js'
import { apiVersions } from './api-versions.js'
import { createPartitions } from './create-partitions.js'
import { createTopics } from './create-topics.js'
import { deleteGroups } from './delete-groups.js'
import { deleteRecords } from './delete-records.js'
import { deleteTopics } from './delete-topics.js'
import { describeCluster } from './describe-cluster.js'
import { describeConfigs } from './describe-configs.js'
import { describeGroups } from './describe-groups.js'
import { describeProducers } from './describe-producers.js'
import { describeTransactions } from './describe-transactions.js'
import { endTxn } from './end-txn.js'
import { fetch } from './fetch.js'
import { findCoordinator } from './find-coordinator.js'
import { heartbeat } from './heartbeat.js'
import { incrementalAlterConfigs } from './incremental-alter-configs.js'
import { initProducerId } from './init-producer-id.js'
import { joinGroup } from './join-group.js'
import { leaveGroup } from './leave-group.js'
import { listGroups } from './list-groups.js'
import { listOffsets } from './list-offsets.js'
import { listTransactions } from './list-transactions.js'
import { metadata } from './metadata.js'
import { offsetCommit } from './offset-commit.js'
import { offsetDelete } from './offset-delete.js'
import { offsetFetch } from './offset-fetch.js'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.js'
import { produce } from './produce.js'
import { saslAuthenticate } from './sasl-authenticate.js'
import { saslHandshake } from './sasl-handshake.js'
import { syncGroup } from './sync-group.js'
import { txnOffsetCommit } from './txn-offset-commit.js'

export const APIS = {
  addOffsetsToTxn, addPartitionsToTxn, alterConfigs, apiVersions, createPartitions, createTopics, deleteGroups, deleteRecords, deleteTopics,
  describeCluster, describeConfigs, describeGroups, describeProducers, describeTransactions, endTxn, fetch, findCoordinator, heartbeat,
  incrementalAlterConfigs, initProducerId, joinGroup, leaveGroup, listGroups, listOffsets, listTransactions, metadata, offsetCommit, offsetDelete,
  offsetFetch, offsetForLeaderEpoch, produce, saslAuthenticate, saslHandshake, syncGroup, txnOffsetCommit
} as const

export type ApiName = keyof typeof APIS

const BY_KEY: ReadonlyMap<number, ApiName> = new Map(Object.entries(APIS).map(([name, api]) => [api.key, name as ApiName]))

/** The name under which a key's API stands in APIS. */
export function apiByKey (key: number): ApiName | undefined {
  return BY_KEY.get(key)
}

export function isFlexible (apiKey: number, apiVersion: number): boolean {
  const name = BY_KEY.get(apiKey)
  return name !== undefined && apiVersion >= APIS[name].flexibleFrom
}

/** What ApiVersions answers. */
export function advertisedVersions (): { apiKey: number, minVersion: number, maxVersion: number }[] {
  const apis: readonly Pick<Api, 'key' | 'minVersion' | 'maxVersion'>[] = Object.values(APIS)
  return apis.map(({ key, minVersion, maxVersion }) => ({
    apiKey: key,
    // As Kafka 4 does: librdkafka before 2.9 offers no compression unless the first Produce versions are listed (KAFKA-18659).
    minVersion: key === produce.key ? 0 : minVersion,
    maxVersion
  })).sort((a, b) => a.apiKey - b.apiKey)
}
