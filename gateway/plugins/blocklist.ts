// app.blocklist: the block list of BLOCKLIST_FILE, read again when it has changed. One that cannot be read stops the start; later the last good one stays.
import fp from 'fastify-plugin'
import { readFile, stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { Blocklist, blocklistBytesMax, BlocklistError, parseBlocklist } from '../links/blocklist.js'

declare module 'fastify' {
  interface FastifyInstance { blocklist: Blocklist }
}

/** @param everyMs how often the file is looked at. */
export interface BlocklistOptions { readonly file: string | undefined, readonly everyMs?: number }

const stampOf = async (file: string): Promise<string> => {
  const { mtimeMs, size, ino } = await stat(file)
  if (size > blocklistBytesMax) throw new BlocklistError(`has ${size} bytes, more than ${blocklistBytesMax}`)
  return `${mtimeMs} ${size} ${ino}`
}

export const blocklistPlugin = fp<BlocklistOptions>(async (app, { file, everyMs = 2_000 }) => {
  const blocklist = new Blocklist()
  app.decorate('blocklist', blocklist)
  if (file === undefined) return
  let seen = ''
  const look = async (): Promise<void> => {
    const stamp = await stampOf(file)
    if (stamp === seen) return
    seen = stamp
    blocklist.replace(parseBlocklist(await readFile(file, 'utf8')))
    app.log.info({ entries: blocklist.size }, 'the block list was read')
  }
  await look().catch((cause: unknown) => {
    throw new BlocklistError(`BLOCKLIST_FILE=${file} ${(cause as Error).message}`, { cause })
  })
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
