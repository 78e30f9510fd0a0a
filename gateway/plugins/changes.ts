// app.changes: the changes of all links, from any place of the log on.
import fp from 'fastify-plugin'
import { ChangeFeed } from '../changes/change-feed.js'
import type { Config, StackAddresses } from '../config.js'
import { EventDecoder } from '../events/decoder.js'
import type { LinkEvent } from '../events/link-event.js'
import { LogReader } from '../log/log-reader.js'
import { ChangeQueries } from '../queries/changes.js'
import type { Names } from '../topics.js'
import { kafkaClient } from './kafka.js'

declare module 'fastify' {
  interface FastifyInstance { changes: ChangeFeed }
}

export interface ChangesOptions { readonly config: Config, readonly stack: StackAddresses, readonly names: Names }

export const changesPlugin = fp<ChangesOptions>(async (app, { config, stack, names }) => {
  const queries = new ChangeQueries(app.ksqldb, names)
  const client = kafkaClient(config, stack)
  const changes = new ChangeFeed({
    reader: new LogReader(client, names.linkEvents),
    follower: new LogReader(client, names.linkEvents),
    decoder: new EventDecoder<LinkEvent>(app.codecs.linkEvent.schema, stack.schemaRegistryUrl, config.schemaRegistryCredentials),
    ends: async () => new Map((await app.kafka.admin.fetchTopicOffsets(names.linkEvents)).map(({ partition, high }) => [partition, Number(high)])),
    decisions: async links => await queries.decisions(links),
    patienceMs: config.confirmTimeoutMs,
    onError: error => app.log.warn({ err: error }, 'the changes of links could not be followed')
  })
  app.decorate('changes', changes)
  app.addHook('onClose', async () => await changes.close())
}, { name: 'changes', dependencies: ['kafka', 'registry', 'ksqldb'] })
