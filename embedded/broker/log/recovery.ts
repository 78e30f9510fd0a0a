// Opening a log: which segments there are, where the last whole batch ends, and what the producers stood at there. A torn tail is cut and reported.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint, type Checkpoint } from './checkpoint.js'
import type { LogConfig } from './log-config.js'
import { ProducerState } from './producer-state.js'
import { Segment, type IndexCache } from './segment.js'

export interface RecoveredLog {
  readonly segments: Segment[]
  readonly producers: ProducerState
  readonly endOffset: number
  /** Bytes of the last segment that held no whole valid batch and were cut. */
  readonly cutBytes: number
  /** Up to where a checkpoint spares the next start the reading. */
  readonly checkpointedOffset: number
}

export async function recoverLog (dir: string, config: LogConfig, indexCache: IndexCache, now: number): Promise<RecoveredLog> {
  await mkdir(dir, { recursive: true })
  const bases = await segmentBases(dir)
  const segments: Segment[] = []
  for (const base of bases.length === 0 ? [0] : bases) segments.push(await Segment.open(dir, base, indexCache))
  const producers = new ProducerState()
  const active = segments.at(-1)!
  for (const segment of segments.slice(0, -1)) await learnSealed(segment, config)

  // A checkpoint is written only after what it speaks of, so its segment's file is at least as long as it says, unless the disk lost something.
  const checkpoint = await readCheckpoint(dir, ({ segment, position }) => segments.some(s => s.baseOffset === segment && s.size >= position))
  if (checkpoint !== undefined) producers.restore(checkpoint.producers, checkpoint.aborted)
  const from = checkpoint?.segment ?? segments[0]!.baseOffset
  let endOffset = checkpoint?.offset ?? segments[0]!.baseOffset
  let cutBytes = 0
  for (const segment of segments) {
    if (segment.baseOffset < from) continue
    const resumes = checkpoint?.segment === segment.baseOffset
    const fileBytes = segment.size
    if (segment === active) {
      const start = resumes ? checkpoint.position : 0
      segment.size = start
      segment.activate(resumes ? checkpoint.offset : segment.baseOffset)
      if (resumes) Object.assign(segment, timesOf(checkpoint))
    }
    endOffset = Math.max(endOffset, segment.baseOffset)
    const end = await replay(segment, resumes ? checkpoint.position : 0, fileBytes, endOffset, producers, segment === active ? config : undefined, now)
    endOffset = end.endOffset
    if (segment === active && end.position < fileBytes) {
      cutBytes = fileBytes - end.position
      await segment.truncate(end.position)
    }
    segment.size = segment === active ? end.position : fileBytes
  }
  // An empty log needs no checkpoint.
  return { segments, producers, endOffset, cutBytes, checkpointedOffset: checkpoint?.offset ?? 0 }
}

/** A sealed segment's files are taken as they are, but for an index that is not there. */
async function learnSealed (segment: Segment, config: LogConfig): Promise<void> {
  if (segment.size > 0 && !segment.hasIndexFiles()) {
    const { size } = segment
    segment.size = 0
    segment.activate(segment.baseOffset)
    for await (const { view, position } of segment.scan(0, size)) segment.note(view, position, config.indexIntervalBytes)
    segment.size = size
    await segment.seal()
  }
  segment.readMaxTimestamp()
}

function timesOf ({ maxTimestamp, maxTimestampOffset, firstTimestamp }: Checkpoint) {
  return { maxTimestamp, maxTimestampOffset, firstTimestamp }
}

async function segmentBases (dir: string): Promise<number[]> {
  const names = await readdir(dir)
  for (const name of names) if (/\.(deleted|cleaned|tmp)$/.test(name)) await rm(join(dir, name), { force: true })
  return names.filter(name => /^\d{20}\.log$/.test(name)).map(name => Number.parseInt(name, 10)).sort((a, b) => a - b)
}

/**
 * Reads a segment's batches into the producers' state, and into the index where `indexing` is given. Ends before the first batch that is not
 * whole and true.
 */
async function replay (
  segment: Segment, from: number, fileBytes: number, endOffset: number, producers: ProducerState, indexing: LogConfig | undefined,
  now: number
) {
  let position = from
  for await (const { view, position: at } of segment.scan(from, fileBytes)) {
    if (view.baseOffset < endOffset || !view.crcIsValid()) break
    const update = producers.begin()
    update.add(view, view.baseOffset, 'client', now, false)
    endOffset = view.lastOffset + 1
    producers.apply(update, open => open ?? endOffset)
    position = at + view.size
    if (indexing !== undefined) segment.note(view, at, indexing.indexIntervalBytes)
  }
  return { position, endOffset }
}
