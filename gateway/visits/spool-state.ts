// What the writer of a spool and the thread that ships it tell each other: numbers in shared memory, so that a redirect sends no message.
// Each number has one writer. A Float64 holds every position below 2^53, and is written whole.
import { hrtime } from 'node:process'

const fields = [
  /** Position behind the last byte written. Writer. */
  'end',
  /** Position up to which the log has the spool. Shipper, as all that follow but the last. */
  'shipped',
  /** Bytes of deleted segments since the spool was opened. */
  'releasedBytes',
  'shippedVisits', 'transactions', 'failures',
  /** Bytes that were damaged on disk and passed over. */
  'damagedBytes',
  /** Time of the oldest visit that is not in the log yet, of the last that is, and of the last transaction; milliseconds since 1970, 0 where there is none. */
  'oldestWaitingAt', 'lastVisitAt', 'lastTransactionAt',
  /** How long the last transaction took, in milliseconds. */
  'transactionMs',
  /** 1 while the log is reached. */
  'connected',
  /** Until when nothing is shipped, by the clock that all threads share. Writer. */
  'heldUntil'
] as const
type Field = typeof fields[number]

/** Goes only forward, and is the same in every thread: performance.now() counts from each thread's own start. */
const machineMs = (): number => Number(hrtime.bigint()) / 1e6

export class SpoolState {
  readonly memory: SharedArrayBuffer
  readonly #numbers: Float64Array
  readonly #flags: Int32Array
  readonly #clock: () => number

  constructor (memory = new SharedArrayBuffer((fields.length + 1) * 8), clock = machineMs) {
    this.memory = memory
    this.#clock = clock
    this.#numbers = new Float64Array(memory, 0, fields.length)
    this.#flags = new Int32Array(memory, fields.length * 8, 2)
  }

  get (field: Field): number {
    return this.#numbers[fields.indexOf(field)] as number
  }

  set (field: Field, value: number): void {
    this.#numbers[fields.indexOf(field)] = value
  }

  add (field: Field, value: number): void {
    this.set(field, this.get(field) + value)
  }

  /** For the writer, at each write. */
  setEnd (position: number): void {
    this.#numbers[0] = position
  }

  /** For the writer: nothing is shipped for so long. */
  hold (ms: number): void {
    this.set('heldUntil', ms > 0 ? this.#clock() + ms : 0)
  }

  /** How long nothing is shipped yet. */
  get heldMs (): number {
    const until = this.get('heldUntil')
    return until === 0 ? 0 : Math.max(0, until - this.#clock())
  }

  /** Whether the reader has gone to sleep and wants to be woken: true once for each sleep. */
  takeSleeper (): boolean {
    return Atomics.load(this.#flags, 0) === 1 && Atomics.exchange(this.#flags, 0, 0) === 1
  }

  sleep (): void {
    Atomics.store(this.#flags, 0, 1)
  }

  /** All numbers, for those who watch. */
  snapshot (): Readonly<Record<Field, number>> {
    return Object.fromEntries(fields.map((field, index) => [field, this.#numbers[index] ?? 0])) as Record<Field, number>
  }
}
