// app.visitKeys: the keys that visits are sealed under, followed; and what is to be destroyed by the calendar, once its time has come.
import fp from 'fastify-plugin'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config, StackAddresses } from '../config.js'
import { dayOf, destroyed, KeyRing, tickKey } from '../erasure/key-ring.js'
import { LogReader } from '../log/log-reader.js'
import { keySegmentMs, type Names } from '../topics.js'
import { kafkaClient } from './kafka.js'

declare module 'fastify' {
  interface FastifyInstance { visitKeys: KeyRing }
}

/** How long what another gateway has erased may still be told by a feed that is being written here; pages look first. */
const followMs = 1_000
const sweepMs = 60_000

export const visitKeysPlugin = fp<{ config: Config, stack: StackAddresses, names: Names }>(async (app, { config, stack, names }) => {
  const reader = new LogReader(kafkaClient(config, stack), names.visitKeys)
  const ring = new KeyRing({
    reader,
    onUnreadable: ({ offset }, error) => app.log.warn({ err: error, offset }, 'a record of visit-keys is none')
  })
  await ring.refresh()
  app.decorate('visitKeys', ring)
  app.metrics.gauge('linklog_visit_key_roots', 'Roots of keys that visits are sealed under', () => ring.size)
  const append = async (key: string, value: Buffer) => await app.kafka.events.append(names.visitKeys, key, value)
  const sweep = async () => {
    const now = Date.now()
    // a day's pepper outlives it by a day, for the visits that are still on their way
    await Promise.all(ring.peppersBefore(dayOf(now) - 1).map(async key => await append(key, destroyed)))
    // a broker ends a segment only when something comes behind it
    const isWaiting = ring.overwrittenAt > 0 && ring.writtenAt <= ring.overwrittenAt + keySegmentMs
    if (isWaiting && now > ring.overwrittenAt + keySegmentMs) await append(tickKey, Buffer.from(String(now)))
  }
  const stop = new AbortController()
  const follow = async () => {
    for (let sweptAt = -Infinity; !stop.signal.aborted;) {
      try {
        await ring.refresh()
        if (performance.now() - sweptAt >= sweepMs) {
          sweptAt = performance.now()
          await sweep()
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
