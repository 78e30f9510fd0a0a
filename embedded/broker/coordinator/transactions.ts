// The transaction coordinator (KIP-98, KIP-360): who owns a transactional id, what its transaction touched, and the markers that end it.
// One node, so a transaction's markers are written before its end is answered: a client never meets CONCURRENT_TRANSACTIONS for its own last one.
import { LogError } from '../../log.js'
import { encodeBatch, iterateBatches } from '../../records/batch.js'
import { encodeMarker, type MarkerType } from '../../records/control.js'
import type { DiskLog } from '../log/partition-log.js'
import type { ProducerIds } from './producer-ids.js'
import { decodeTxnKey, decodeTxnValue, encodeTxnKey, encodeTxnValue, type TxnState } from './state-records.js'

const READ_BYTES = 1024 * 1024
const EPOCH_MAX = 32767
const TRANSACTIONAL_IDS_MAX = 1_000_000
const PARTITIONS_PER_TXN_MAX = 20_000

export interface TransactionSettings {
  readonly timeoutMsMax: number
  /** An id unused for so long is forgotten (transactional.id.expiration.ms). */
  readonly idExpirationMs: number
}

export interface PartitionId { readonly topic: string, readonly partition: number }

export interface Transaction {
  readonly transactionalId: string
  producerId: number
  producerEpoch: number
  timeoutMs: number
  state: TxnState
  /** By `partition/topic`. */
  partitions: Map<string, PartitionId>
  startTimestamp: number
  lastUpdateTimestamp: number
  /** What is being done to this id, one after the other. */
  turn: Promise<unknown>
}

export interface TransactionPorts {
  readonly log: DiskLog
  readonly partition: (topic: string, partition: number) => DiskLog | undefined
  readonly onEnd: (partition: PartitionId, producerId: number, type: MarkerType) => void
  readonly warn: (message: string) => void
  readonly clock: () => number
}

export class TransactionCoordinator {
  readonly #ports: TransactionPorts
  readonly #ids: ProducerIds
  readonly #settings: TransactionSettings
  readonly #transactions = new Map<string, Transaction>()
  readonly #byProducer = new Map<number, Transaction>()
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity
  #closed = false

  private constructor (ports: TransactionPorts, ids: ProducerIds, settings: TransactionSettings) {
    this.#ports = ports
    this.#ids = ids
    this.#settings = settings
  }

  /** Reads the log, and finishes what a kill interrupted: a transaction that was decided gets the markers that it still lacks. */
  static async open (ports: TransactionPorts, ids: ProducerIds, settings: TransactionSettings): Promise<TransactionCoordinator> {
    const coordinator = new TransactionCoordinator(ports, ids, settings)
    await coordinator.#load()
    for (const txn of coordinator.#transactions.values()) await coordinator.#finishDecided(txn)
    coordinator.#armTimer()
    return coordinator
  }

  async #load (): Promise<void> {
    const { log } = this.#ports
    for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
      const { chunks, bytes } = await log.readChunks(offset, READ_BYTES, 'read_uncommitted')
      if (bytes === 0) break
      for (const view of chunks.flatMap(chunk => [...iterateBatches(chunk)])) {
        for (const { key, value } of view.records()) this.#replay(decodeTxnKey(key!), value)
        offset = view.lastOffset + 1
      }
    }
  }

  #replay (transactionalId: string, value: Buffer | null): void {
    const old = this.#transactions.get(transactionalId)
    if (old !== undefined) this.#byProducer.delete(old.producerId)
    if (value === null) {
      this.#transactions.delete(transactionalId)
      return
    }
    const { partitions, ...record } = decodeTxnValue(value)
    const flat = partitions.flatMap(({ topic, partitionIds }) => partitionIds.map(partition => ({ topic, partition })))
    this.#remember({ transactionalId, ...record, partitions: keyed(flat), turn: Promise.resolve() })
  }

  #remember (txn: Transaction): void {
    this.#transactions.set(txn.transactionalId, txn)
    this.#byProducer.set(txn.producerId, txn)
  }

  /** Writes the markers of a transaction whose end was decided but not carried out: after a kill, or a disk that was full. */
  async #finishDecided (txn: Transaction): Promise<void> {
    if (txn.state === 'PrepareCommit') await this.#complete(txn, 'commit')
    else if (txn.state === 'PrepareAbort' || txn.state === 'PrepareEpochFence') await this.#complete(txn, 'abort')
  }

  all (): Iterable<Transaction> { return this.#transactions.values() }
  get (transactionalId: string): Transaction | undefined { return this.#transactions.get(transactionalId) }

  async #persist (txn: Transaction): Promise<void> {
    const byTopic = new Map<string, number[]>()
    for (const { topic, partition } of txn.partitions.values()) byTopic.set(topic, [...byTopic.get(topic) ?? [], partition])
    const partitions = [...byTopic].map(([topic, partitionIds]) => ({ topic, partitionIds }))
    txn.lastUpdateTimestamp = this.#ports.clock()
    const { producerId, producerEpoch, timeoutMs, state, lastUpdateTimestamp, startTimestamp } = txn
    const value = encodeTxnValue({ producerId, producerEpoch, timeoutMs, state, partitions, lastUpdateTimestamp, startTimestamp })
    const record = { timestamp: lastUpdateTimestamp, key: encodeTxnKey(txn.transactionalId), value }
    await this.#ports.log.appendBatch(encodeBatch([record]), 'coordinator')
  }

  /** One request after the other for each id. */
  #inTurn<T> (txn: Transaction, work: () => Promise<T>): Promise<T> {
    const result = txn.turn.then(async () => {
      if (this.#closed) throw new LogError('COORDINATOR_NOT_AVAILABLE', 'The broker is closing')
      return await work()
    })
    txn.turn = result.catch(() => {})
    return result
  }

  /**
   * Gives a producer its id and epoch. With a transactional id: the same id, the epoch one higher, so that whoever had it before is fenced; its open
   * transaction is aborted first. Throws LogError INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED, INVALID_PRODUCER_ID_MAPPING.
   */
  async initProducerId (
    transactionalId: string | null, timeoutMs: number, expected: { producerId: number, producerEpoch: number }
  ): Promise<{ producerId: number, producerEpoch: number }> {
    if (transactionalId === null) return { producerId: await this.#ids.next(), producerEpoch: 0 }
    if (transactionalId === '') throw new LogError('INVALID_REQUEST', 'A transactional id must not be empty')
    if (timeoutMs <= 0 || timeoutMs > this.#settings.timeoutMsMax) {
      throw new LogError('INVALID_TRANSACTION_TIMEOUT', `The transaction timeout must be between 1 and ${this.#settings.timeoutMsMax} ms`)
    }
    let txn = this.#transactions.get(transactionalId)
    if (txn === undefined) {
      if (this.#transactions.size >= TRANSACTIONAL_IDS_MAX) throw new LogError('INVALID_REQUEST', `More than ${TRANSACTIONAL_IDS_MAX} transactional ids`)
      txn = this.#newTransaction(transactionalId, timeoutMs)
      this.#transactions.set(transactionalId, txn)
    }
    const known = txn
    return await this.#inTurn(known, async () => await this.#initInTurn(known, timeoutMs, expected))
  }

  #newTransaction (transactionalId: string, timeoutMs: number): Transaction {
    return {
      transactionalId, producerId: -1, producerEpoch: -1, timeoutMs, state: 'Empty', partitions: new Map(), startTimestamp: -1,
      lastUpdateTimestamp: this.#ports.clock(), turn: Promise.resolve()
    }
  }

  async #initInTurn (txn: Transaction, timeoutMs: number, expected: { producerId: number, producerEpoch: number }) {
    if (expected.producerId !== -1 && txn.producerId !== -1) {
      if (expected.producerId !== txn.producerId || expected.producerEpoch !== txn.producerEpoch) {
        throw new LogError('PRODUCER_FENCED', `The producer of ${txn.transactionalId} has been replaced by a newer one`)
      }
    }
    await this.#finishDecided(txn)
    if (txn.state === 'Ongoing') await this.#abortFenced(txn)
    if (txn.producerId === -1 || txn.producerEpoch >= EPOCH_MAX - 1) {
      this.#byProducer.delete(txn.producerId)
      txn.producerId = await this.#ids.next()
      txn.producerEpoch = 0
    } else txn.producerEpoch++
    txn.timeoutMs = timeoutMs
    txn.state = 'Empty'
    txn.partitions = new Map()
    txn.startTimestamp = -1
    await this.#persist(txn)
    this.#byProducer.set(txn.producerId, txn)
    return { producerId: txn.producerId, producerEpoch: txn.producerEpoch }
  }

  /** Aborts under a higher epoch: what the old owner still sends is refused by every partition. */
  async #abortFenced (txn: Transaction): Promise<void> {
    if (txn.producerEpoch < EPOCH_MAX) txn.producerEpoch++
    txn.state = 'PrepareAbort'
    await this.#persist(txn)
    await this.#complete(txn, 'abort')
  }

  #require (transactionalId: string, producerId: number, producerEpoch: number): Transaction {
    if (transactionalId === '') throw new LogError('INVALID_REQUEST', 'A transactional id must not be empty')
    const txn = this.#transactions.get(transactionalId)
    if (txn === undefined || txn.producerId !== producerId) {
      throw new LogError('INVALID_PRODUCER_ID_MAPPING', `Producer ${producerId} does not own the transactional id ${transactionalId}`)
    }
    this.#checkEpoch(txn, producerEpoch)
    return txn
  }

  #checkEpoch (txn: Transaction, producerEpoch: number): void {
    if (producerEpoch !== txn.producerEpoch) {
      throw new LogError('PRODUCER_FENCED', `Epoch ${producerEpoch} of ${txn.transactionalId} is not the current one, ${txn.producerEpoch}`)
    }
  }

  /** On record before it is answered: whatever is then written to those partitions will get its marker. */
  async addPartitions (transactionalId: string, producerId: number, producerEpoch: number, partitions: readonly PartitionId[]): Promise<void> {
    const txn = this.#require(transactionalId, producerId, producerEpoch)
    await this.#inTurn(txn, async () => {
      this.#checkEpoch(txn, producerEpoch)
      await this.#finishDecided(txn)
      const fresh = txn.state === 'Ongoing' ? txn.partitions : new Map<string, PartitionId>()
      const added = [...keyed(partitions)].filter(([key]) => !fresh.has(key))
      if (added.length === 0 && txn.state === 'Ongoing') return
      if (fresh.size + added.length > PARTITIONS_PER_TXN_MAX) {
        throw new LogError('INVALID_REQUEST', `A transaction holds at most ${PARTITIONS_PER_TXN_MAX} partitions`)
      }
      if (txn.state !== 'Ongoing') txn.startTimestamp = this.#ports.clock()
      txn.partitions = new Map([...fresh, ...added])
      txn.state = 'Ongoing'
      await this.#persist(txn)
      if (txn.startTimestamp + txn.timeoutMs < this.#timerAt) this.#armTimer()
    })
  }

  /**
   * Whether a transactional batch of that producer may go to that partition: only within its open transaction (KIP-890), else nothing would ever
   * end what it begins.
   */
  produceFault (producerId: number, producerEpoch: number, topic: string, partition: number): string | undefined {
    const txn = this.#byProducer.get(producerId)
    if (txn === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    if (producerEpoch < txn.producerEpoch) return 'INVALID_PRODUCER_EPOCH'
    return txn.state === 'Ongoing' && txn.partitions.has(keyOf(topic, partition)) ? undefined : 'INVALID_TXN_STATE'
  }

  /** Commits or aborts. A repeat of what already happened is fine. Throws LogError INVALID_TXN_STATE, PRODUCER_FENCED, INVALID_PRODUCER_ID_MAPPING. */
  async end (transactionalId: string, producerId: number, producerEpoch: number, type: MarkerType): Promise<void> {
    const txn = this.#require(transactionalId, producerId, producerEpoch)
    await this.#inTurn(txn, async () => {
      this.#checkEpoch(txn, producerEpoch)
      await this.#finishDecided(txn)
      if (txn.state === (type === 'commit' ? 'CompleteCommit' : 'CompleteAbort')) return
      if (txn.state !== 'Ongoing') {
        throw new LogError('INVALID_TXN_STATE', `The transaction of ${transactionalId} is ${txn.state}: there is nothing to ${type}`)
      }
      txn.state = type === 'commit' ? 'PrepareCommit' : 'PrepareAbort'
      await this.#persist(txn)
      await this.#complete(txn, type)
    })
  }

  async #complete (txn: Transaction, type: MarkerType): Promise<void> {
    const { producerId, producerEpoch } = txn
    await Promise.all([...txn.partitions.values()].map(async partition => {
      const log = this.#ports.partition(partition.topic, partition.partition)
      // A topic deleted meanwhile has nothing left to end.
      if (log === undefined) return
      const marker = encodeMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestamp: this.#ports.clock() })
      try {
        await log.appendBatch(marker, 'coordinator')
      } catch (error) {
        if (this.#ports.partition(partition.topic, partition.partition) !== undefined) throw error
      }
      this.#ports.onEnd(partition, producerId, type)
    }))
    txn.state = type === 'commit' ? 'CompleteCommit' : 'CompleteAbort'
    txn.partitions = new Map()
    await this.#persist(txn)
  }

  /** One timer for the transaction that times out first. */
  #armTimer (): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    let first = Infinity
    for (const txn of this.#transactions.values()) {
      if (txn.state === 'Ongoing') first = Math.min(first, txn.startTimestamp + txn.timeoutMs)
    }
    this.#timerAt = first
    if (first === Infinity) return
    const wait = Math.max(0, first - this.#ports.clock())
    this.#timer = setTimeout(() => {
      this.abortTimedOut().catch((error: unknown) => this.#ports.warn(`Aborting timed out transactions: ${String(error)}`))
    }, Math.min(wait, 0x7fffffff))
    this.#timer.unref()
  }

  /** Aborts, under a higher epoch, every transaction that is open for longer than its timeout. */
  async abortTimedOut (): Promise<void> {
    const now = this.#ports.clock()
    for (const txn of [...this.#transactions.values()]) {
      if (txn.state !== 'Ongoing' || txn.startTimestamp + txn.timeoutMs > now) continue
      const { startTimestamp } = txn
      await this.#inTurn(txn, async () => {
        if (txn.state !== 'Ongoing' || txn.startTimestamp !== startTimestamp) return
        this.#ports.warn(`The transaction of ${txn.transactionalId} timed out after ${txn.timeoutMs} ms and is aborted`)
        await this.#abortFenced(txn)
      })
    }
    this.#armTimer()
  }

  /** Forgets transactional ids that nobody has used for long. */
  async expireIds (): Promise<void> {
    const before = this.#ports.clock() - this.#settings.idExpirationMs
    for (const txn of [...this.#transactions.values()]) {
      if (!isIdle(txn) || txn.lastUpdateTimestamp >= before) continue
      await this.#inTurn(txn, async () => {
        if (!isIdle(txn) || txn.lastUpdateTimestamp >= before) return
        // Gone from memory first: whoever asks for the id meanwhile begins anew, behind the tombstone.
        this.#transactions.delete(txn.transactionalId)
        this.#byProducer.delete(txn.producerId)
        const record = { timestamp: this.#ports.clock(), key: encodeTxnKey(txn.transactionalId), value: null }
        await this.#ports.log.appendBatch(encodeBatch([record]), 'coordinator')
      })
    }
  }

  /** Lets what is under way finish and takes nothing more. */
  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#transactions.values()].map(async txn => await txn.turn))
  }
}

function isIdle ({ state }: Transaction): boolean {
  return state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
}

const keyOf = (topic: string, partition: number): string => `${partition}/${topic}`

function keyed (partitions: readonly PartitionId[]): Map<string, PartitionId> {
  return new Map(partitions.map(id => [keyOf(id.topic, id.partition), id]))
}
