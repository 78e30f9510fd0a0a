// Foreign key joins of tables (KIP-213): which left rows wait for a right key is kept as a subscription. Here both sides live in one process,
// so the exchange over topics becomes calls, in the order in which the topics would have been read.
import { compileExpression } from '../../plan/compile.js'
import type { Row, Value } from '../../plan/value.js'
import type { TableStore } from '../state/table-store.js'
import { StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'
import { rowJoiner } from './join-row.js'
import type { Joiner } from './join-row.js'
import type { TableGetter } from './join-table.js'

type Step = StepOf<'ForeignKeyTableTableJoin'>

class ForeignKeyJoin {
  readonly #context: ProcessorContext
  readonly #step: Step
  readonly #forward: Forward
  readonly #getters: { left: TableGetter, right: TableGetter }
  readonly #joined: Joiner
  readonly #keepsLeft: boolean
  readonly #foreignKeyOf: (row: Row) => Value
  readonly #subscriptions: TableStore

  constructor (step: Step, context: ProcessorContext, forward: Forward, getters: { left: TableGetter, right: TableGetter }) {
    this.#context = context
    this.#step = step
    this.#forward = forward
    this.#getters = getters
    this.#joined = rowJoiner(step.schema, step.left.schema, step.right.schema)
    this.#keepsLeft = step.joinType === 'LEFT'
    this.#foreignKeyOf = compileExpression(step.leftJoinExpression, step.left.schema.value, context.compileContext(step.context)).evaluate
    context.needsTransaction()
    this.#subscriptions = context.store(`${step.context}-subscriptions`, { key: [...step.right.schema.key, ...step.left.schema.key], value: [] })
  }

  left (record: StreamRecord): void {
    if (record.key === null) return
    if (this.#keepsLeft) this.#leftOuter(record, record.key)
    else this.#inner(record, record.key)
  }

  right (record: StreamRecord): void {
    if (record.key === null) return
    this.#subscriptions.flush()
    const width = this.#step.right.schema.key.length
    for (const { key } of this.#subscriptions.withPrefix(record.key)) this.#respond(key.slice(width), record.value, record.timestamp)
  }

  #foreignKey (row: Row): Row | undefined {
    const value = this.#foreignKeyOf(row)
    return value === null ? undefined : [value]
  }

  #respond (key: Row, foreign: Row | null, timestamp: number): void {
    const current = this.#getters.left(key, undefined)?.row ?? null
    const none = current === null || (foreign === null && !this.#keepsLeft)
    this.#forward(new StreamRecord(key, undefined, none ? null : this.#joined(key, current, foreign), null, timestamp))
  }

  #unsubscribe (foreign: Row, key: Row, timestamp: number): void {
    const entry = this.#subscriptions.entry([...foreign, ...key])
    if (entry.row !== null) this.#subscriptions.put(entry, null, timestamp)
  }

  /** Subscribes and sends what there is on the other side; `onlyFound`: nothing where there is nothing. */
  #subscribe (foreign: Row, key: Row, timestamp: number, onlyFound: boolean): void {
    this.#subscriptions.put(this.#subscriptions.entry([...foreign, ...key]), [], timestamp)
    const found = this.#getters.right(foreign, undefined)
    if (found !== undefined || !onlyFound) this.#respond(key, found?.row ?? null, Math.max(timestamp, found?.timestamp ?? -1))
  }

  #leftOuter (record: StreamRecord, key: Row): void {
    const { value, old, timestamp } = record
    if (old === null && value === null) return
    const before = old === null ? undefined : this.#foreignKey(old)
    const after = value === null ? undefined : this.#foreignKey(value)
    if (before !== undefined && !sameKey(before, after)) this.#unsubscribe(before, key, timestamp)
    if (after === undefined) this.#respond(key, null, timestamp)
    else this.#subscribe(after, key, timestamp, false)
  }

  #inner (record: StreamRecord, key: Row): void {
    const { value, old, timestamp } = record
    const after = value === null ? undefined : this.#foreignKey(value)
    if (old === null) {
      if (after !== undefined) this.#subscribe(after, key, timestamp, true)
      else if (value !== null) this.#drop()
      return
    }
    const before = this.#foreignKey(old)
    if (before === undefined || (value !== null && after === undefined)) {
      this.#drop()
    } else if (after === undefined) {
      this.#unsubscribe(before, key, timestamp)
      this.#respond(key, null, timestamp)
    } else {
      if (!sameKey(before, after)) this.#unsubscribe(before, key, timestamp)
      this.#subscribe(after, key, timestamp, false)
    }
  }

  #drop (): void {
    this.#context.error(this.#step.context, 'Skipping record due to null foreign key.')
  }
}

const sameKey = (a: Row, b: Row | undefined): boolean => b !== undefined && a[0] === b[0]

/** The two sides' processors; `getters` give the rows of each side's table and may be set after. */
export function foreignKeyJoin (
  step: Step, context: ProcessorContext, forward: Forward, getters: { left: TableGetter, right: TableGetter }
): { left: Forward, right: Forward } {
  const join = new ForeignKeyJoin(step, context, forward, getters)
  return { left: record => join.left(record), right: record => join.right(record) }
}
