// Stream-stream joins within a window (KStreamKStreamJoin): each side keeps its records for as long as the other may still meet them.
import type { WindowInfo } from '../../plan/steps.js'
import type { Row } from '../../plan/value.js'
import type { Window } from '../api.js'
import type { TableStore } from '../state/table-store.js'
import type { TimeIndex } from '../state/time-index.js'
import { StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StreamTimes, StepOf } from './context.js'
import { rowJoiner } from './join-row.js'

type Step = StepOf<'StreamStreamJoin'>

const DAY_MS = 86400000
const EXPIRE_PAGE = 200
// More rows than these wait for the next record: one record must not hold up all others.
const WAITING_PAGE = 10_000

interface Side {
  readonly isLeft: boolean
  readonly outer: boolean
  /** How far before and after a record of this side one of the other may lie, ms. */
  readonly beforeMs: number
  readonly afterMs: number
  /** Rows by key and window {end: timestamp, start: sequence}: read in the order of time. */
  readonly store: TableStore
  readonly expiry: TimeIndex
  /** Highest timestamp kept, by partition. */
  readonly observed: StreamTimes
}

interface Join {
  readonly context: ProcessorContext
  /**
   * Keys carry windows: only records of the same window meet, so its bounds stand behind the key columns. Time windows are the same by their start alone,
   * as their bytes in a key are: they then count as those of the left side.
   */
  readonly window: WindowInfo | undefined
  readonly forward: Forward
  readonly retentionMs: number
  readonly graceMs: number
  /** Of both sides together, by partition. */
  readonly streamTimes: StreamTimes
  /** Rows that have met none yet and must be sent alone when their window closes; undefined: they are sent at once. */
  readonly waiting: TableStore | undefined
  readonly waitingIndex: TimeIndex | undefined
  readonly join: (key: Row | null, self: Row | null, other: Row | null, isLeft: boolean) => Row
}

/**
 * A RIGHT join is run as the LEFT join of the right side with the left, its window not turned round: as ksqlDB's StreamStreamJoinBuilder does.
 * Without GRACE PERIOD a row that meets none is sent alone at once; with it, once its window has closed (KAFKA-10847).
 */
export function streamStreamJoin (
  step: Step, context: ProcessorContext, forward: Forward, windowInfo: WindowInfo | undefined
): { left: Forward, right: Forward } {
  const rows = rowJoiner(step.schema, step.left.schema, step.right.schema)
  const turned = step.joinType === 'RIGHT'
  const { beforeMs, afterMs } = step
  const graceMs = step.graceMs ?? Math.max(DAY_MS - beforeMs - afterMs, 0)
  const delayed = step.graceMs !== undefined && step.joinType !== 'INNER'
  const bound = (name: string) => ({ name, type: { base: 'BIGINT' as const } })
  const storeKey = windowInfo !== undefined ? [...step.schema.key, bound('WINDOWSTART'), bound('WINDOWEND')] : step.schema.key
  const waitingKey = [...storeKey, { name: 'LEFT', type: { base: 'BOOLEAN' as const } }]
  const waitingValue = [...step.left.schema.value, ...step.right.schema.value]
  const join: Join = {
    context, forward, graceMs, window: windowInfo,
    retentionMs: beforeMs + afterMs + graceMs,
    streamTimes: context.streamTimes(step.context),
    waiting: delayed ? context.store(`${step.context}-outer`, { key: waitingKey, value: waitingValue, windowKind: 'session' }) : undefined,
    waitingIndex: delayed ? context.index(`${step.context}-outer-index`, waitingKey) : undefined,
    join: (key, self, other, isLeft) => isLeft ? rows(key, self, other) : rows(key, other, self)
  }
  const side = (isLeft: boolean): Side => {
    const first = isLeft !== turned
    const schema = isLeft ? step.left.schema : step.right.schema
    const name = `${step.context}-${isLeft ? 'left' : 'right'}`
    return {
      isLeft,
      outer: step.joinType === 'OUTER' || (step.joinType !== 'INNER' && first),
      beforeMs: first ? beforeMs : afterMs,
      afterMs: first ? afterMs : beforeMs,
      store: context.store(name, { key: storeKey, value: schema.value, windowKind: 'session' }),
      expiry: context.index(`${name}-expiry`, storeKey),
      observed: context.streamTimes(name)
    }
  }
  context.needsTransaction()
  const [left, right] = [side(true), side(false)]
  return { left: record => processSide(join, left, right, record), right: record => processSide(join, right, left, record) }
}

function windowOf ({ window: info }: Join, window: Window | undefined): Window | undefined {
  if (info === undefined || window === undefined) return undefined
  return info.type === 'SESSION' ? window : { start: window.start, end: window.start + (info.sizeMs ?? 0) }
}

let sequence = 0

function processSide (join: Join, self: Side, other: Side, record: StreamRecord): void {
  const { context, forward } = join
  const { key: ownKey, value, timestamp } = record
  const window = windowOf(join, record.window)
  const { partition } = context
  const streamTime = Math.max(join.streamTimes[partition] ?? -1, timestamp)
  join.streamTimes[partition] = streamTime
  if (ownKey === null || ownKey.includes(null)) {
    if (self.outer && value !== null) forward(new StreamRecord(ownKey, window, join.join(ownKey, value, null, self.isLeft), null, timestamp))
    return
  }
  if (value === null) return
  const key = window !== undefined ? [...ownKey, BigInt(window.start), BigInt(window.end)] : ownKey
  keep(join, self, key, value, timestamp)
  if (timestamp === streamTime) emitWaiting(join, self, other, streamTime)
  const from = Math.max(0, timestamp - self.beforeMs, (other.observed[partition] ?? -1) - join.retentionMs + 1)
  const to = Math.max(0, timestamp + self.afterMs)
  other.store.flush()
  let met = false
  for (const found of other.store.windows(key, { from, to })) {
    met = true
    const at = found.window!.end
    forget(join, key, !self.isLeft, at)
    forward(new StreamRecord(ownKey, window, join.join(ownKey, value, found.row, self.isLeft), null, Math.max(timestamp, at)))
  }
  if (met || !self.outer) return
  if (join.waiting === undefined || to < streamTime) {
    forward(new StreamRecord(ownKey, window, join.join(ownKey, value, null, self.isLeft), null, timestamp))
  } else {
    wait(join, key, value, timestamp, self.isLeft)
  }
}

function keep (join: Join, self: Side, key: Row, value: Row, timestamp: number): void {
  const { partition } = join.context
  const observed = Math.max(self.observed[partition] ?? -1, timestamp)
  self.observed[partition] = observed
  for (const old of self.expiry.below(observed - join.retentionMs + 1, EXPIRE_PAGE)) {
    self.expiry.remove(old.at, old.key, old.window)
    const entry = self.store.entry(old.key, old.window)
    if (entry.row !== null) self.store.put(entry, null, observed)
  }
  if (timestamp < observed - join.retentionMs + 1) return
  // Rows of one key and instant all stay: the sequence tells them apart, and in order. It begins with the clock so that a restart goes on above.
  sequence = Math.max(sequence + 1, Date.now() * 1000)
  const window = { start: sequence, end: timestamp }
  self.store.put(self.store.entry(key, window), value, timestamp)
  self.expiry.add(timestamp, key, window)
}

function wait (join: Join, key: Row, value: Row, timestamp: number, isLeft: boolean): void {
  sequence = Math.max(sequence + 1, Date.now() * 1000)
  const window = { start: sequence, end: timestamp }
  const waitingKey = [...key, isLeft]
  const row = join.join(null, value, null, isLeft).slice(0, join.waiting!.options.value.length)
  join.waiting!.put(join.waiting!.entry(waitingKey, window), row, timestamp)
  join.waitingIndex!.add(timestamp, waitingKey, window)
}

/** A row that has met another is no longer sent alone. */
function forget (join: Join, key: Row, isLeft: boolean, timestamp: number): void {
  const { waiting, waitingIndex } = join
  if (waiting === undefined || waitingIndex === undefined) return
  waiting.flush()
  const waitingKey = [...key, isLeft]
  for (const found of [...waiting.windows(waitingKey, { from: timestamp, to: timestamp })]) {
    waitingIndex.remove(timestamp, waitingKey, found.window!)
    waiting.put(waiting.entry(waitingKey, found.window), null, timestamp)
  }
}

/** Sends alone the rows whose window has closed: those of the left when nothing of the right may come any more, and the other way round. */
function emitWaiting (join: Join, self: Side, other: Side, streamTime: number): void {
  const { waiting, waitingIndex, graceMs, forward } = join
  if (waiting === undefined || waitingIndex === undefined) return
  const [left, right] = self.isLeft ? [self, other] : [other, self]
  const closesAfter = (isLeft: boolean) => (isLeft ? left.afterMs : right.afterMs) + graceMs
  const before = streamTime - Math.min(closesAfter(true), closesAfter(false))
  for (const one of waitingIndex.below(before, WAITING_PAGE)) {
    const isLeft = one.key.at(-1) === true
    if (one.at + closesAfter(isLeft) >= streamTime) continue
    waitingIndex.remove(one.at, one.key, one.window)
    const entry = waiting.entry(one.key, one.window)
    const { row } = entry
    if (row === null) continue
    waiting.put(entry, null, one.at)
    const key = one.key.slice(0, join.window !== undefined ? -3 : -1)
    const window = join.window !== undefined ? { start: Number(one.key.at(-3)), end: Number(one.key.at(-2)) } : undefined
    const leftWidth = left.store.options.value.length
    const self = isLeft ? row.slice(0, leftWidth) : row.slice(leftWidth)
    forward(new StreamRecord(key, window, join.join(key, self, null, isLeft), null, one.at))
  }
}
