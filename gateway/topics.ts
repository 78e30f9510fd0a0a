// The names of everything that the gateway owns on a cluster, and the topics' settings: a prefix reaches all of them from here.

export interface Names {
  readonly linkEvents: string
  readonly visits: string
  readonly apiKeyEvents: string
  readonly domainEvents: string
  readonly webhookEvents: string
  readonly erasureEvents: string
  readonly visitKeys: string
  /** The consumer group of those that make and drop what ksqlDB has (ksqldb/ddl-lock.ts). */
  readonly ddlGroup: string
  /** A ksqlDB name, such as LINKS, as it is called on this cluster. */
  ksql (name: string): string
  topic (name: string): string
}

/** Names under a prefix; ksqlDB's identifiers have no dashes, so the prefix has underscores there. */
export const namesFor = (prefix: string): Names => {
  const ksqlPrefix = prefix === '' ? '' : `${prefix.replaceAll('-', '_').replace(/_+$/, '')}_`
  const topicPrefix = prefix === '' ? '' : `${prefix.replace(/-+$/, '')}-`
  const topic = (name: string) => `${topicPrefix}${name}`
  return {
    linkEvents: topic('link-events'),
    visits: topic('visits'),
    apiKeyEvents: topic('api-key-events'),
    domainEvents: topic('domain-events'),
    webhookEvents: topic('webhook-events'),
    erasureEvents: topic('erasure-events'),
    visitKeys: topic('visit-keys'),
    ddlGroup: topic('linklog-ddl'),
    topic,
    ksql: name => `${ksqlPrefix}${name}`
  }
}

export interface TopicSettings { readonly partitions: number, readonly replicationFactor: number }

/** The largest record of a link's history. Kafka's default, said on purpose: the history limit of links/history.ts keeps well below it. */
export const recordBytesMax = 1_048_588

/** The logs: kept for ever, never compacted. All else can be rebuilt from them. */
export const logTopics = (names: Names, settings: TopicSettings) =>
  [names.linkEvents, names.visits, names.apiKeyEvents, names.domainEvents, names.webhookEvents, names.erasureEvents].map(topic => ({
    topic,
    numPartitions: settings.partitions,
    replicationFactor: settings.replicationFactor,
    configEntries: [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: '-1' },
      { name: 'retention.bytes', value: '-1' },
      { name: 'max.message.bytes', value: String(recordBytesMax) }
    ]
  }))

/** How long a segment of visit-keys takes records, and a key that was written over waits for the broker's cleaner. */
export const keySegmentMs = 60_000

/** The keys of visits: compacted soon after each change, so that what was written over is gone from the broker's disk. One partition: one order for all. */
export const keysTopic = (names: Names, { replicationFactor }: TopicSettings) => ({
  topic: names.visitKeys,
  numPartitions: 1,
  replicationFactor,
  configEntries: [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'segment.ms', value: String(keySegmentMs) },
    { name: 'max.compaction.lag.ms', value: String(keySegmentMs) },
    { name: 'min.cleanable.dirty.ratio', value: '0.01' },
    { name: 'file.delete.delay.ms', value: '1000' },
    { name: 'max.message.bytes', value: String(recordBytesMax) }
  ]
})
