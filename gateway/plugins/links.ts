// app.links and app.targets: the commands on links, and the redirects' memory of them with the feed that keeps it true.
import fp from 'fastify-plugin'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.js'
import { followFeed } from '../ksqldb/feed.js'
import { Confirmation } from '../links/confirmation.js'
import { KeyedGate } from '../links/gate.js'
import { writersPerLink } from '../links/history.js'
import { LinkService } from '../links/service.js'
import { TargetCache, type TargetCacheOptions } from '../links/target-cache.js'
import { BatchedPull } from '../queries/batch.js'
import { LinkQueries, targetOf, type LinkState, type Target } from '../queries/links.js'
import type { Names } from '../topics.js'

declare module 'fastify' {
  interface FastifyInstance {
    links: LinkService
    targets: TargetCache
  }
}

const writersWaitingPerLink = 2_000

/** A target from the flattened table; where it has none, the history decides, since the table follows it a moment later. */
const targetLoader = (queries: LinkQueries, states: BatchedPull<LinkState>): TargetCacheOptions['load'] => {
  // few at once, so that what waits meanwhile shares the next: of 8 keys together each costs ksqlDB a seventh of one alone, of 50 an eighteenth
  const targets = new BatchedPull<Target>(async keys => await queries.targets(keys), { keysMax: 128, queriesMax: 3, shareMin: 16 })
  const fromHistory = async (link: string): Promise<Target | undefined> => {
    const state = await states.load(link)
    return state?.latest === undefined ? undefined : targetOf(link, state.version, state.latest.doc, state.latest.scheduled)
  }
  return (link, waiter) => targets.ask(link, {
    resolve: target => {
      if (target !== undefined) waiter.resolve(target)
      else fromHistory(link).then(found => waiter.resolve(found), (error: unknown) => waiter.reject(error))
    },
    reject: error => waiter.reject(error)
  })
}

export const linksPlugin = fp<{ config: Config, names: Names, ownHosts: () => ReadonlySet<string> }>(async (app, { config, names, ownHosts }) => {
  const queries = new LinkQueries(app.ksqldb, names)
  const states = new BatchedPull<LinkState>(async keys => await queries.states(keys))
  const eventLinks = new BatchedPull<string>(async eventIds => await queries.linksOfEvents(eventIds))
  const cache = new TargetCache({
    load: targetLoader(queries, states),
    max: config.cacheLinksMax,
    staleMs: config.cacheStaleMs,
    patienceMs: 200,
    now: () => performance.now(),
    date: Date.now
  })
  const confirmation = new Confirmation({ read: async link => await states.load(link), now: Date.now, wait, feedUp: () => cache.feedUp })
  app.decorate('targets', cache)
  app.decorate('links', new LinkService({
    read: async link => await states.load(link),
    history: async link => await queries.history(link),
    atVersion: async (link, version) => await queries.atVersion(link, version),
    asOf: async (link, at) => await queries.asOf(link, at),
    linkOfEvent: async eventId => await eventLinks.load(eventId),
    write: async (link, event, traceparent) => await app.kafka.events.append(
      names.linkEvents, link, app.codecs.linkEvent.encode(event), traceparent === undefined ? {} : { traceparent }),
    confirmation,
    gate: new KeyedGate(writersPerLink, writersWaitingPerLink),
    ownHosts,
    prefixOf: domain => app.domains.prefixOf(domain),
    blocklist: app.blocklist,
    newId: randomUUID,
    now: Date.now,
    confirmTimeoutMs: config.confirmTimeoutMs,
    onChange: view => cache.put(targetOf(view.link, view.version, view.doc, view.scheduled))
  }))
  app.metrics.counter('linklog_cache_hits_total', 'Links that redirects found in memory', () => cache.hits)
  app.metrics.counter('linklog_cache_misses_total', 'Links that had to be read from the views', () => cache.misses)
  app.metrics.gauge('linklog_cache_entries', 'Links in memory', () => cache.size)
  app.metrics.gauge('linklog_feed_up', '1 while the feed of link changes arrives', () => cache.feedUp ? 1 : 0, 'min')
  const stop = new AbortController()
  const feed = followFeed<LinkState>({
    open: async signal => await queries.changes(signal),
    onRow: state => {
      confirmation.observe(state)
      if (state.latest !== undefined) cache.changed(targetOf(state.link, state.version, state.latest.doc, state.latest.scheduled))
    },
    onState: up => cache.setFeed(up),
    onError: error => {
      // once for each break: until it is back, links are read again and again instead
      if (cache.feedUp) app.log.warn({ err: error }, 'the feed of link changes broke')
      else app.log.debug({ err: error }, 'the feed of link changes is not back yet')
    }
  }, stop.signal)
  app.addHook('preClose', async () => {
    stop.abort()
    await feed
  })
}, { name: 'links', dependencies: ['kafka', 'registry', 'ksqldb', 'metrics', 'domains', 'blocklist'] })
