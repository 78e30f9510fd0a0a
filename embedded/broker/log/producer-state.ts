// What a partition remembers of its producers: the last batches for idempotence, the open transactions for the last stable offset
// (KIP-98; org.apache.kafka.storage.internals.log.ProducerStateManager and ProducerAppendInfo).
import type { BatchView } from '../../records/batch.js'
import { readMarker, type MarkerType } from '../../records/control.js'
import { LogError } from '../../log.js'

/** As many as a producer may have in flight. */
const BATCHES_KEPT = 5
const SEQUENCE_MAX = 0x7fffffff

export interface SequencedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly firstOffset: number
}

export interface ProducerEntry {
  readonly producerId: number
  readonly epoch: number
  /** The newest last; none after a new epoch or a marker without data. */
  readonly batches: readonly SequencedBatch[]
  readonly txnFirstOffset: number | undefined
  /** When it last appended, by the broker's clock, ms. */
  readonly timestamp: number
}

/** A transaction of which this partition holds the abort marker, as Kafka's transaction index keeps it. */
export interface AbortedTxn {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

/** Who appends: a client is checked by sequence; the transaction coordinator writes markers. */
export type Origin = 'client' | 'coordinator'

function nextSequence (sequence: number, by = 1): number {
  return sequence > SEQUENCE_MAX - by ? by - (SEQUENCE_MAX - sequence) - 1 : sequence + by
}

export class ProducerState {
  readonly #entries = new Map<number, ProducerEntry>()
  /** Open transactions by producer, in the order of their first offsets. */
  readonly #open = new Map<number, number>()
  #aborted: AbortedTxn[] = []

  get entries (): ReadonlyMap<number, ProducerEntry> { return this.#entries }
  get aborted (): readonly AbortedTxn[] { return this.#aborted }

  /** The first offset of the oldest open transaction. */
  get firstOpenOffset (): number | undefined {
    return this.#open.values().next().value
  }

  restore (entries: Iterable<ProducerEntry>, aborted: Iterable<AbortedTxn>): void {
    this.#entries.clear()
    this.#open.clear()
    this.#aborted = [...aborted]
    const all = [...entries]
    for (const entry of all) this.#entries.set(entry.producerId, entry)
    for (const entry of all.filter(entry => entry.txnFirstOffset !== undefined).sort((a, b) => a.txnFirstOffset! - b.txnFirstOffset!)) {
      this.#open.set(entry.producerId, entry.txnFirstOffset!)
    }
  }

  /** Collects a group of appends that is to stand or fall with one write. */
  begin (): ProducerUpdate {
    return new ProducerUpdate(this.#entries)
  }

  apply (update: ProducerUpdate, lastStableOffset: (openOffset: number | undefined) => number): AbortedTxn[] {
    const aborted: AbortedTxn[] = []
    for (const change of update.changes) {
      this.#entries.set(change.entry.producerId, change.entry)
      const { producerId, txnFirstOffset } = change.entry
      if (txnFirstOffset !== undefined) {
        if (!this.#open.has(producerId)) this.#open.set(producerId, txnFirstOffset)
        continue
      }
      this.#open.delete(producerId)
      if (change.ended?.type !== 'abort') continue
      const { firstOffset, lastOffset } = change.ended
      aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset: lastStableOffset(this.firstOpenOffset) })
    }
    this.#aborted.push(...aborted)
    return aborted
  }

  /** Aborted transactions with records in [from, to), by their first offsets: kafkajs 2.2 shows records of one that comes behind a later one. */
  abortedBetween (from: number, to: number): AbortedTxn[] {
    return this.#aborted.filter(txn => txn.lastOffset >= from && txn.firstOffset < to).sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Forgets aborted transactions of which compaction has left nothing, by the offsets of their markers. */
  forgetAborted (markers: ReadonlySet<number>): void {
    if (markers.size > 0) this.#aborted = this.#aborted.filter(txn => !markers.has(txn.lastOffset))
  }

  /**
   * Forgets what lies wholly before the log's start, and producers that were silent since `expireBefore` (ms), unless a transaction is open or
   * `keeps` says so.
   */
  prune (logStartOffset: number, expireBefore: number, keeps: (producerId: number) => boolean): void {
    if (this.#aborted.some(txn => txn.lastOffset < logStartOffset)) this.#aborted = this.#aborted.filter(txn => txn.lastOffset >= logStartOffset)
    for (const entry of this.#entries.values()) {
      if (entry.txnFirstOffset === undefined && entry.timestamp < expireBefore && !keeps(entry.producerId)) this.#entries.delete(entry.producerId)
    }
  }
}

interface Change {
  readonly entry: ProducerEntry
  readonly ended: { type: MarkerType, firstOffset: number, lastOffset: number } | undefined
}

/** Appends of one write: seen by each other, by nobody else until applied. */
export class ProducerUpdate {
  readonly #base: ReadonlyMap<number, ProducerEntry>
  readonly #overlay = new Map<number, ProducerEntry>()
  readonly changes: Change[] = []

  constructor (base: ReadonlyMap<number, ProducerEntry>) {
    this.#base = base
  }

  #entry (producerId: number): ProducerEntry | undefined {
    return this.#overlay.get(producerId) ?? this.#base.get(producerId)
  }

  /** Where the very same batch was appended before, that batch's first offset. */
  duplicateOf (batch: BatchView): number | undefined {
    const entry = this.#entry(batch.producerId)
    if (entry === undefined || entry.epoch !== batch.producerEpoch) return undefined
    const { baseSequence } = batch
    const lastSequence = nextSequence(baseSequence, batch.lastOffsetDelta)
    return entry.batches.find(known => known.firstSequence === baseSequence && known.lastSequence === lastSequence)?.firstOffset
  }

  /**
   * Takes in a batch that goes to `baseOffset`. Throws LogError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, and leaves
   * everything as it was. `verify` is false while a log is read back: what stands in it was accepted once.
   */
  add (batch: BatchView, baseOffset: number, origin: Origin, now: number, verify = true): void {
    const { producerId, producerEpoch } = batch
    if (producerId < 0) return
    const known = this.#entry(producerId)
    if (known !== undefined && producerEpoch < known.epoch && verify) {
      throw new LogError('INVALID_PRODUCER_EPOCH',
        `Epoch of producer ${producerId} is ${producerEpoch}, which is smaller than the last seen epoch ${known.epoch}`)
    }
    if (batch.isControl) this.#addMarker(batch, baseOffset, known, now)
    else this.#addRecords(batch, baseOffset, known, now, origin === 'client' && verify)
  }

  #addMarker (batch: BatchView, offset: number, known: ProducerEntry | undefined, now: number): void {
    const marker = readMarker(batch)
    if (marker === undefined) return
    const sameEpoch = known?.epoch === batch.producerEpoch
    const entry: ProducerEntry = {
      producerId: batch.producerId,
      epoch: batch.producerEpoch,
      batches: sameEpoch ? known.batches : [],
      txnFirstOffset: undefined,
      timestamp: now
    }
    const first = known?.txnFirstOffset
    this.#change(entry, first === undefined ? undefined : { type: marker.type, firstOffset: first, lastOffset: offset })
  }

  #addRecords (batch: BatchView, baseOffset: number, known: ProducerEntry | undefined, now: number, verify: boolean): void {
    const { producerId, producerEpoch, baseSequence, isTransactional } = batch
    const sameEpoch = known?.epoch === producerEpoch
    if (verify) checkSequence(batch, known)
    if (verify && known?.txnFirstOffset !== undefined && !isTransactional) {
      throw new LogError('INVALID_TXN_STATE', `Expected transactional write from producer ${producerId} at offset ${baseOffset}`)
    }
    const added = baseSequence < 0
      ? []
      : [{ firstSequence: baseSequence, lastSequence: nextSequence(baseSequence, batch.lastOffsetDelta), firstOffset: baseOffset }]
    this.#change({
      producerId,
      epoch: producerEpoch,
      batches: [...(sameEpoch ? known.batches.slice(-(BATCHES_KEPT - 1)) : []), ...added],
      txnFirstOffset: known?.txnFirstOffset ?? (isTransactional ? baseOffset : undefined),
      timestamp: now
    }, undefined)
  }

  #change (entry: ProducerEntry, ended: Change['ended']): void {
    this.#overlay.set(entry.producerId, entry)
    this.changes.push({ entry, ended })
  }
}

/** The first sequence of a new epoch is 0; within an epoch one follows the other. A producer nobody remembers may begin anywhere (KAFKA-7190). */
function checkSequence (batch: BatchView, known: ProducerEntry | undefined): void {
  const { producerId, producerEpoch, baseSequence } = batch
  if (known === undefined || baseSequence < 0) return
  const last = known.batches.at(-1)?.lastSequence
  if (producerEpoch !== known.epoch) {
    if (baseSequence === 0) return
    throw new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', `Invalid sequence number for new epoch of producer ${producerId}: ` +
      `${producerEpoch} (request epoch), ${baseSequence} (seq. number), ${known.epoch} (current producer epoch)`)
  }
  if (last === undefined || baseSequence === nextSequence(last)) return
  throw new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER',
    `Out of order sequence number for producer ${producerId}: ${baseSequence} (incoming seq. number), ${last} (current end sequence number)`)
}
