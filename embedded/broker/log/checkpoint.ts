// Checkpoints of a log: what its producers stood at when the file had a certain length, so that a restart reads only what came later.
// Kafka's own .snapshot remembers one batch a producer; ours keeps all five, so a repeat is known as one after a restart too.
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from '../../records/crc32c.js'
import { replaceFile } from './file-io.js'
import type { AbortedTxn, ProducerEntry } from './producer-state.js'
import { segmentFile } from './segment.js'

const SUFFIX = '.producers'
/** Newer ones make older ones useless; the one before the newest is kept in case that cannot be read. */
const KEPT = 2

export interface Checkpoint {
  /** Everything before this offset is in the state. */
  readonly offset: number
  /** Where that offset is or would be: a position in the segment of this base offset. */
  readonly segment: number
  readonly position: number
  readonly maxTimestamp: number
  readonly maxTimestampOffset: number
  readonly firstTimestamp: number | undefined
  readonly producers: readonly ProducerEntry[]
  readonly aborted: readonly AbortedTxn[]
}

export async function writeCheckpoint (dir: string, checkpoint: Checkpoint): Promise<void> {
  const body = JSON.stringify(checkpoint)
  await replaceFile(join(dir, segmentFile(checkpoint.offset, SUFFIX)), `${crc32c(Buffer.from(body))}\n${body}\n`)
  for (const offset of (await checkpointOffsets(dir)).slice(0, -KEPT)) await rm(join(dir, segmentFile(offset, SUFFIX)), { force: true })
}

async function checkpointOffsets (dir: string): Promise<number[]> {
  const names = (await readdir(dir)).filter(name => name.endsWith(SUFFIX))
  return names.map(name => Number.parseInt(name, 10)).filter(offset => offset >= 0).sort((a, b) => a - b)
}

/** The newest one that can be read and whose `accept` is true. */
export async function readCheckpoint (dir: string, accept: (checkpoint: Checkpoint) => boolean): Promise<Checkpoint | undefined> {
  for (const offset of (await checkpointOffsets(dir)).reverse()) {
    const checkpoint = await readOne(join(dir, segmentFile(offset, SUFFIX)))
    if (checkpoint !== undefined && accept(checkpoint)) return checkpoint
  }
  return undefined
}

async function readOne (path: string): Promise<Checkpoint | undefined> {
  const [crc, body] = (await readFile(path, 'utf8')).split('\n')
  if (body === undefined || Number(crc) !== crc32c(Buffer.from(body))) return undefined
  return JSON.parse(body) as Checkpoint
}

/** Forgets those before `offset`: the log was rewritten there and their positions mean nothing any more. */
export async function removeCheckpoints (dir: string, offset: number): Promise<void> {
  for (const old of (await checkpointOffsets(dir)).filter(each => each < offset)) await rm(join(dir, segmentFile(old, SUFFIX)), { force: true })
}
