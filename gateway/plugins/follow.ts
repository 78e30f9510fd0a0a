// What every gateway asks ksqlDB for once a second, for as long as it runs: where reads go, and whether visits are held back.
import type { FastifyInstance } from 'fastify'
import { setTimeout as wait } from 'node:timers/promises'

/** A rebuild waits several times as long before it relies on an answer having been seen. */
const askMs = 1_000

/** Asks until the service closes; what fails is asked again a second later. */
export const follow = (app: FastifyInstance, what: string, ask: () => Promise<void>): void => {
  const stop = new AbortController()
  const asking = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await wait(askMs, undefined, { signal: stop.signal }).catch(() => {})
      try {
        await ask()
      } catch (error) {
        app.log.debug({ err: error }, `it is not known ${what}`)
      }
    }
  }
  const following = asking()
  app.addHook('preClose', async () => {
    stop.abort()
    await following
  })
}
