// Aggregates over windows of time and over sessions (KStreamWindowAggregate, KStreamSessionWindowAggregate), with EMIT FINAL and retention.
import type { WindowExpression } from '../../sql/ast.js'
import type { Row } from '../../plan/value.js'
import type { Window } from '../api.js'
import type { Entry, TableStore } from '../state/table-store.js'
import type { TimeIndex } from '../state/time-index.js'
import { Aggregator, ChangeForwarder, processorOf, windowTimeMs } from './aggregate.js'
import type { AddRow, AggregateUse, BuiltAggregate } from './aggregate.js'
import { forwardTo, StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf, StreamTimes } from './context.js'

const DAY_MS = 86400000
const EXPIRE_PAGE = 200
// What one commit forgets at least where there is as much, and at most for each row that it adds: more goes than comes, and no commit takes long.
const EXPIRED_MIN = 2000
const EXPIRED_PER_ADDED = 2

interface WindowTimes {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
  readonly retentionMs: number
}

/** Without GRACE PERIOD late records count for a day; with EMIT FINAL not at all, since its results are to come at once. */
function windowTimes (window: WindowExpression, emitFinal: boolean): WindowTimes {
  const sizeMs = windowTimeMs(window.size)
  const defaultGraceMs = emitFinal ? 0 : Math.max(DAY_MS - sizeMs, 0)
  const graceMs = window.gracePeriod === undefined ? defaultGraceMs : windowTimeMs(window.gracePeriod)
  return {
    sizeMs,
    advanceMs: window.advanceBy === undefined ? sizeMs : windowTimeMs(window.advanceBy),
    graceMs,
    retentionMs: Math.max(window.retention === undefined ? 0 : windowTimeMs(window.retention), sizeMs + graceMs)
  }
}

interface WindowedParts {
  readonly context: ProcessorContext
  readonly aggregator: Aggregator
  readonly store: TableStore
  readonly expiry: Expiry
  /** EMIT FINAL, by window end: what is still to be sent. */
  readonly open: TimeIndex | undefined
  readonly streamTimes: StreamTimes
  readonly storeTimes: StreamTimes
  readonly changes: ChangeForwarder
  readonly times: WindowTimes
  readonly forward: Forward
  readonly late: (timestamp: number) => void
}

/** By window start plus retention (sessions: end plus retention): when a row is forgotten. */
interface Expiry {
  add (at: number, key: Row, window: Window): void
  /** A session that was merged into another. */
  remove (at: number, key: Row, window: Window): void
  /** Forgets about `limit` rows that are due; false where there are more. */
  expire (times: StreamTimes, limit: number): boolean
  /** Rows added since the last call. */
  takeAdded (): number
}

function timeExpiry (step: StepOf<'StreamWindowedAggregate'>, context: ProcessorContext, store: TableStore, times: WindowTimes): Expiry {
  const index = context.expiryIndex(`${step.context}-expiry-blocks`, step.schema.key)
  return {
    add: (at, key) => index.add(context.partition, at, key),
    remove: () => {},
    takeAdded: () => index.takeAdded(),
    expire: (streamTimes, limit) => {
      let expired = 0
      const forget = (at: number, keys: readonly Row[]): void => {
        const start = at - times.retentionMs
        for (const key of keys) store.expire(key, { start, end: start + times.sizeMs })
        expired += keys.length
      }
      for (const [partition, time] of streamTimes.entries()) {
        const before = time ?? -1
        // what came and expired since the last commit is never written
        for (const { at, keys } of index.takeBelow(partition, before)) forget(at, keys)
        for (let block = index.below(partition, before); block !== undefined; block = index.below(partition, before, block)) {
          if (expired >= limit) return false
          forget(block.at, block.keys)
          index.remove(block)
        }
      }
      return true
    }
  }
}

function sessionExpiry (step: StepOf<'StreamWindowedAggregate'>, context: ProcessorContext, store: TableStore): Expiry {
  const index = context.index(`${step.context}-expiry`, step.schema.key)
  let added = 0
  return {
    add: (at, key, window) => {
      index.add(at, key, window)
      added++
    },
    remove: (at, key, window) => index.remove(at, key, window),
    takeAdded: () => {
      const count = added
      added = 0
      return count
    },
    expire: (streamTimes, limit) => {
      const time = streamTimes.reduce((highest, one) => Math.max(highest, one ?? -1), -1)
      for (let expired = 0; expired < limit;) {
        const page = index.below(time, EXPIRE_PAGE)
        for (const { at, key, window } of page) {
          index.remove(at, key, window)
          store.expire(key, window)
        }
        if (page.length < EXPIRE_PAGE) return true
        expired += page.length
      }
      return false
    }
  }
}

export function windowedAggregate (step: StepOf<'StreamWindowedAggregate'>, context: ProcessorContext, forward: Forward, use: AggregateUse): BuiltAggregate {
  const window = step.window
  if (window === undefined) throw new Error('A windowed aggregate needs a window')
  const aggregator = new Aggregator(step, context, use.inputs)
  const times = windowTimes(window, step.emitFinal)
  const session = window.windowType === 'SESSION'
  const store = context.store(step.context, {
    key: step.schema.key, value: aggregator.columns, windowKind: session ? 'session' : 'time', ...(session ? {} : { windowSizeMs: times.sizeMs })
  })
  const parts: WindowedParts = {
    context, aggregator, store, times, forward,
    expiry: session ? sessionExpiry(step, context, store) : timeExpiry(step, context, store, times),
    open: step.emitFinal ? context.index(`${step.context}-open`, step.schema.key) : undefined,
    streamTimes: context.streamTimes(step.context),
    storeTimes: context.streamTimes(`${step.context}-store`),
    changes: new ChangeForwarder(store, aggregator, context, forward, use),
    late: timestamp => context.error(step.context, `Skipping record for expired window. timestamp=[${timestamp}]`)
  }
  if (session || step.emitFinal) context.needsTransaction()
  // Once for each commit, not for each record: what a store no longer covers may stay a little longer.
  context.beforeCommit(() => expire(parts))
  const add = session ? addToSession(parts) : addToWindows(parts)
  return { add, process: processorOf(add), store, aggregator }
}

/** Advances stream time and gives it. */
function observe (parts: WindowedParts, timestamp: number): number {
  const { partition } = parts.context
  const time = Math.max(parts.streamTimes[partition] ?? -1, timestamp)
  parts.streamTimes[partition] = time
  return time
}

function addToWindows (parts: WindowedParts): AddRow {
  const { store, aggregator, changes, times } = parts
  return (part, key, row, timestamp) => {
    const streamTime = observe(parts, timestamp)
    const closeTime = streamTime - times.graceMs
    let late = false
    const first = Math.max(0, timestamp - times.sizeMs + times.advanceMs)
    for (let start = first - first % times.advanceMs; start <= timestamp; start += times.advanceMs) {
      const end = start + times.sizeMs
      if (end <= closeTime) {
        late = true
        continue
      }
      const entry = key === undefined ? store.entryOf(part, start) : store.entry(key, { start, end })
      const fresh = entry.row === null
      const state = aggregator.add(entry.row ?? aggregator.initialize(), row, !fresh && changes.owns(entry))
      const at = Math.max(timestamp, entry.timestamp)
      if (fresh) parts.expiry.add(start + times.retentionMs, entry.key, entry.window!)
      if (parts.open === undefined) {
        changes.update(entry, state, at)
      } else {
        store.put(entry, state, at)
        if (fresh) parts.open.add(end, entry.key, entry.window!)
      }
    }
    if (late) parts.late(timestamp)
    emitClosed(parts, closeTime + 1, latestStart(parts, timestamp, closeTime))
  }
}

/** The start of the latest window that was written, of the partition: the time by which a window store forgets. */
function latestStart ({ times, context, storeTimes }: WindowedParts, timestamp: number, closeTime: number): number {
  const start = timestamp - timestamp % times.advanceMs
  const latest = Math.max(storeTimes[context.partition] ?? -1, start + times.sizeMs > closeTime ? start : -1)
  storeTimes[context.partition] = latest
  return latest
}

/**
 * EMIT FINAL: sends the windows whose end lies below `before`. Windows that the store no longer covers when they close are not sent, as a window store
 * does not give them: `latest` is the start of the latest window.
 */
function emitClosed (parts: WindowedParts, before: number, latest: number): void {
  const { open, store, aggregator } = parts
  if (open === undefined) return
  for (;;) {
    const closed = open.below(before, EXPIRE_PAGE)
    for (const { at, key, window } of closed) {
      open.remove(at, key, window)
      const entry = store.entry(key, window)
      if (entry.row === null || window.start < latest - parts.times.retentionMs) continue
      const record = new StreamRecord(key, window, aggregator.map(entry.row, window), null, entry.timestamp)
      forwardTo(parts.context, parts.context.partition, parts.forward, record)
    }
    if (closed.length < EXPIRE_PAGE) return
  }
}

/** Forgets windows that the store's retention no longer covers. */
function expire ({ streamTimes, expiry, context }: WindowedParts): void {
  const limit = Math.max(EXPIRED_MIN, EXPIRED_PER_ADDED * expiry.takeAdded())
  if (!expiry.expire(streamTimes, limit)) context.hasMoreToExpire()
}

function addToSession (parts: WindowedParts): AddRow {
  const { store, aggregator, changes, times } = parts
  const gap = times.sizeMs
  return (part, only, row, timestamp) => {
    const key = only ?? [part]
    const streamTime = observe(parts, timestamp)
    const closeTime = streamTime - times.graceMs - gap
    let state = aggregator.initialize()
    let start = timestamp
    let end = timestamp
    store.flush()
    const merged: Entry[] = []
    for (const stored of store.windows(key, { from: timestamp - gap, to: Number.MAX_SAFE_INTEGER - 1 })) {
      const window = stored.window!
      if (window.start > timestamp + gap) continue
      merged.push(store.entry(key, window))
      state = aggregator.merge(state, stored.row)
      start = Math.min(start, window.start)
      end = Math.max(end, window.end)
    }
    if (end < closeTime) {
      parts.late(timestamp)
    } else {
      const window = { start, end }
      for (const entry of merged) {
        if (entry.window!.start === start && entry.window!.end === end && start === timestamp && end === timestamp) continue
        dropSession(parts, entry)
      }
      const entry = store.entry(key, window)
      if (entry.row === null) {
        parts.expiry.add(end + times.retentionMs, key, window)
        parts.open?.add(end, key, window)
      }
      state = aggregator.add(state, row, false)
      if (parts.open === undefined) changes.update(entry, state, end)
      else store.put(entry, state, end)
    }
    emitClosed(parts, closeTime, -1)
  }
}

function dropSession (parts: WindowedParts, entry: Entry): void {
  const window = entry.window!
  parts.expiry.remove(window.end + parts.times.retentionMs, entry.key, window)
  parts.open?.remove(window.end, entry.key, window)
  if (parts.open === undefined) parts.changes.update(entry, null, window.end)
  else parts.store.put(entry, null, window.end)
}
