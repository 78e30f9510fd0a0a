// Spools of workers that are no more: with fewer workers than before, what the others had not shipped is shipped by the first.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FolderInUse, GatewayFolder } from './folder.js'
import { segmentsIn } from './segments.js'
import { ShipThread } from './ship-thread.js'
import type { ShipOrder } from './ship-worker.js'
import { SpoolWriter } from './spool-writer.js'

/** The folders of workers beyond so many that still hold visits. */
export const leftoverFolders = (dataDir: string, workers: number): string[] =>
  (existsSync(dataDir) ? readdirSync(dataDir) : []).filter(name => {
    const index = Number(/^gateway-(\d+)$/.exec(name)?.[1])
    const spool = path.join(dataDir, name, 'spool')
    return index > workers && existsSync(spool) && segmentsIn(spool).some(({ size }) => size > 0)
  }).map(name => path.join(dataDir, name))

export interface LeftoverOptions {
  readonly order: Pick<ShipOrder, 'config' | 'stack' | 'topic' | 'keysTopic' | 'schema' | 'schemaId'>
  readonly groupOf: (gatewayId: string) => string
  readonly onFault: (fault: string) => void
  readonly signal: AbortSignal
}

/** Ships all that a folder holds; resolves when it is empty, or the signal aborts. A folder that another gateway uses, or whose id one does, is left to it. */
export const shipLeftover = async (directory: string, { order, groupOf, onFault, signal }: LeftoverOptions): Promise<void> => {
  const folder = await GatewayFolder.open(directory).catch((error: unknown) => {
    if (error instanceof FolderInUse) return undefined
    throw error
  })
  if (folder === undefined) return
  const { gatewayId, position } = folder
  const fenced = new AbortController()
  const ending = AbortSignal.any([signal, fenced.signal])
  const spoolDirectory = path.join(directory, 'spool')
  const { config } = order
  const spool = SpoolWriter.open({ directory: spoolDirectory, bytesMax: config.spoolBytesMax, segmentBytes: config.spoolSegmentBytes, after: position })
  const thread = new ShipThread({
    order: { ...order, memory: spool.state.memory, folder: directory, spoolDirectory, gatewayId, position, group: groupOf(gatewayId) },
    state: spool.state,
    onFault,
    onFenced: why => {
      onFault(why)
      fenced.abort()
    }
  })
  thread.start()
  while (!ending.aborted && spool.state.get('shipped') < spool.state.get('end')) await delay(100, undefined, { signal: ending }).catch(() => {})
  spool.close()
  await thread.stop(0)
  folder.close()
}
