// app.blocklist: the block list of BLOCKLIST_FILE, read again when it has changed and lies still. One that cannot be read stops the start; later the last
// good one stays.
import fp from 'fastify-plugin'
import { setTimeout as wait } from 'node:timers/promises'
import { Blocklist, blocklistBytesMax, BlocklistError, parseBlocklist } from '../links/blocklist.js'
import { SettledFile } from '../links/settled-file.js'

declare module 'fastify' {
  interface FastifyInstance { blocklist: Blocklist }
}

/** @param everyMs how often the file is looked at. */
export interface BlocklistOptions { readonly file: string | undefined, readonly everyMs?: number }

export const blocklistPlugin = fp<BlocklistOptions>(async (app, { file, everyMs = 1_000 }) => {
  const blocklist = new Blocklist()
  app.decorate('blocklist', blocklist)
  if (file === undefined) return
  const settled = new SettledFile(file, blocklistBytesMax)
  const take = (text: string): void => {
    blocklist.replace(parseBlocklist(text))
    app.log.info({ entries: blocklist.size }, 'the block list was read')
  }
  await settled.read().then(take).catch((cause: unknown) => {
    throw new BlocklistError(`BLOCKLIST_FILE=${file} ${(cause as Error).message}`, { cause })
  })
  const look = async (): Promise<void> => {
    const text = await settled.changed()
    if (text !== undefined) take(text)
  }
  const stop = new AbortController()
  let fault = ''
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await wait(everyMs, undefined, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      await look().then(() => { fault = '' }, (error: unknown) => {
        const { message } = error as Error
        if (message !== fault) app.log.error({ err: error }, 'the block list could not be read again: the last one stays')
        fault = message
      })
    }
  }
  const watching = watch()
  app.addHook('preClose', async () => {
    stop.abort()
    await watching
  })
}, { name: 'blocklist' })
