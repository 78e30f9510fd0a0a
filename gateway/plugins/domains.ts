// app.domains and app.domainCommands: the domains in memory with the feed that keeps them true, and the commands on them.
import fp from 'fastify-plugin'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.js'
import { DomainDirectory } from '../domains/directory.js'
import { DomainService } from '../domains/service.js'
import { followFeed } from '../ksqldb/feed.js'
import { DomainQueries } from '../queries/domains.js'
import type { Names } from '../topics.js'

declare module 'fastify' {
  interface FastifyInstance {
    domains: DomainDirectory
    domainCommands: DomainService
  }
}

export interface DomainsOptions {
  readonly config: Config
  readonly names: Names
  readonly ownHosts: () => ReadonlySet<string>
  readonly defaultHost: () => string
}

/** ksqlDB answers a push query before its consumer stands at the end of the topic: a change in between is not seen, and read then. */
const feedSettlesMs = 5_000
/** Even with the feed up, the domains are read again now and then. */
const rereadMs = 30_000

export const domainsPlugin = fp<DomainsOptions>(async (app, { names, ownHosts, defaultHost }) => {
  const queries = new DomainQueries(app.ksqldb, names)
  const directory = new DomainDirectory(defaultHost)
  const read = async () => { for (const domain of await queries.all()) directory.changed(domain) }
  await read() // a link of a domain must not be unknown only because the gateway is new
  app.decorate('domains', directory)
  app.decorate('domainCommands', new DomainService({
    directory,
    write: async (host, event) => await app.kafka.events.append(names.domainEvents, host, app.codecs.domainEvent.encode(event)),
    ownHosts,
    newId: randomUUID,
    now: Date.now
  }))
  const stop = new AbortController()
  let isUp = false
  const feed = followFeed({
    open: async signal => await queries.changes(signal),
    onRow: domain => directory.changed(domain),
    onState: up => { isUp = up },
    onError: error => app.log.warn({ err: error }, 'the feed of domains broke: until it is back they are read again and again')
  }, stop.signal)
  const reread = async () => {
    for (let wasUp = false; !stop.signal.aborted;) {
      await wait(isUp && wasUp ? rereadMs : feedSettlesMs, undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      wasUp = isUp
      await read().catch((error: unknown) => app.log.debug({ err: error }, 'the domains could not be read'))
    }
  }
  const reading = reread()
  app.addHook('preClose', async () => {
    stop.abort()
    await Promise.all([feed, reading])
  })
}, { name: 'domains', dependencies: ['kafka', 'registry', 'ksqldb'] })
