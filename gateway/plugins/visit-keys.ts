// app.visitKeys: the keys that visits are sealed under, followed; and kept up by the clock.
import fp from 'fastify-plugin'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config, StackAddresses } from '../config.js'
import { KeyRing } from '../erasure/key-ring.js'
import { dueRecords } from '../erasure/upkeep.js'
import { LogReader } from '../log/log-reader.js'
import type { Names } from '../topics.js'
import { kafkaClient } from './kafka.js'

declare module 'fastify' {
  interface FastifyInstance { visitKeys: KeyRing }
}

/** How long what another gateway has erased may still be told by a feed that is being written here; pages look first. */
const followMs = 1_000
const upkeepMs = 60_000
const treeBytesMax = 67_108_864

export const visitKeysPlugin = fp<{ config: Config, stack: StackAddresses, names: Names }>(async (app, { config, stack, names }) => {
  const reader = new LogReader(kafkaClient(config, stack), names.visitKeys)
  const ring = new KeyRing({
    reader,
    treeBytesMax,
    onUnreadable: ({ offset }, error) => app.log.warn({ err: error, offset }, 'a record of visit-keys is none')
  })
  await ring.refresh()
  app.decorate('visitKeys', ring)
  app.metrics.gauge('linklog_visit_key_roots', 'Roots of keys that visits are sealed under', () => ring.size)
  const keepUp = async () => {
    for (const { key, value } of dueRecords(ring, Date.now())) await app.kafka.events.append(names.visitKeys, key, value)
  }
  const stop = new AbortController()
  const follow = async () => {
    for (let keptUpAt = -Infinity; !stop.signal.aborted;) {
      try {
        await ring.refresh()
        if (performance.now() - keptUpAt >= upkeepMs) {
          keptUpAt = performance.now()
          await keepUp()
        }
      } catch (error) {
        app.log.debug({ err: error }, 'the keys of visits could not be followed')
      }
      await wait(followMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  const following = follow()
  app.addHook('preClose', async () => {
    stop.abort()
    await following
  })
  app.addHook('onClose', async () => await reader.close())
}, { name: 'visit-keys', dependencies: ['kafka', 'metrics'] })
