// A log by itself, without a broker: for tests of segments, recovery and cleaning.
import { cp } from 'node:fs/promises'
import { DiskLog, type LogEnvironment } from '../../../embedded/broker/log/partition-log.js'
import { IndexCache } from '../../../embedded/broker/log/segment.js'
import { TailCache } from '../../../embedded/broker/log/tail-cache.js'
import { parseLogConfig } from '../../../embedded/broker/topics/topic-config.js'
import { encodeBatch, iterateBatches, type BatchOptions } from '../../../embedded/records/batch.js'

export const indexCache = new IndexCache(4)

export interface OpenedLog { readonly log: DiskLog, readonly warnings: string[], readonly time: { now: number } }

export async function openLog (dir: string, config: Record<string, string> = {}, startOffset = 0, tailBytesMax = 0): Promise<OpenedLog> {
  const warnings: string[] = []
  const time = { now: 1_000_000 }
  const environment: LogEnvironment = {
    clock: () => time.now, warn: message => warnings.push(message), tailCache: new TailCache(tailBytesMax), indexCache, fsyncAlways: false, onDirty: () => {}
  }
  const parsed = parseLogConfig(config)
  return { log: await DiskLog.open({ topic: 'x', partition: 0, dir }, () => parsed, environment, startOffset), warnings, time }
}

export function batchOf (values: readonly [key: string | null, value: string | null][], options: BatchOptions = {}, timestamp = 1): Buffer {
  return encodeBatch(values.map(([key, value]) => ({
    timestamp, key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value)
  })), options)
}

/** Every record of a log as `offset key=value`, control records left out. */
export async function contents (log: DiskLog): Promise<string[]> {
  const found: string[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const { chunks, bytes } = await log.readChunks(offset, 1000, 'read_uncommitted')
    if (bytes === 0) break
    for (const chunk of chunks) {
      for (const view of iterateBatches(chunk)) {
        offset = view.lastOffset + 1
        if (view.isControl) continue
        for (const { offset, key, value } of view.records()) found.push(`${offset} ${key?.toString() ?? null}=${value?.toString() ?? null}`)
      }
    }
  }
  return found
}

/** The folder as a kill would leave it now: what was written is there, nothing was closed. */
export async function killed (dir: string, into: string): Promise<string> {
  await cp(dir, into, { recursive: true })
  return into
}
