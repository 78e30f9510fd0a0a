// Aggregates over streams and tables without windows (KStreamAggregate, KTableAggregate), and what those with windows share with them.
import type { WindowTime } from '../../sql/ast.js'
import { compileAggregate } from '../../plan/compile.js'
import type { CompiledAggregate } from '../../plan/compile.js'
import type { Column } from '../../plan/schema.js'
import type { AggregateImplementation } from '../../plan/function.js'
import type { Row, Value } from '../../plan/value.js'
import type { Window } from '../api.js'
import type { Entry, TableStore } from '../state/table-store.js'
import { StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'
import { groupByEvaluator } from './stateless.js'

export type AggregateStep = StepOf<'StreamAggregate' | 'StreamWindowedAggregate' | 'TableAggregate'>

const DAY_MS = 86400000
const UNIT_MS = {
  MILLISECONDS: 1, SECONDS: 1000, MINUTES: 60000, HOURS: 3600000, DAYS: DAY_MS, WEEKS: 7 * DAY_MS, MONTHS: 30 * DAY_MS, YEARS: 365 * DAY_MS
} as const

/** ms. */
export function windowTimeMs (time: WindowTime): number {
  return time.value * UNIT_MS[time.unit]
}

interface PreparedAggregate {
  readonly implementation: AggregateImplementation
  readonly add: AggregateImplementation['add']
  readonly addInPlace: AggregateImplementation['add']
  readonly parameters: CompiledAggregate['arguments']
  /** The arguments of the call at hand: an aggregate does not keep the array. */
  readonly values: Value[]
}

function prepare ({ implementation, arguments: parameters }: CompiledAggregate): PreparedAggregate {
  const { add, addInPlace = add } = implementation
  return { implementation, add, addInPlace, parameters, values: parameters.map(() => null) }
}

/** One group's state as the store keeps it: the columns that are not aggregated, then the state of each aggregate. */
export class Aggregator {
  readonly columns: readonly Column[]
  readonly #plain: readonly number[]
  readonly #aggregates: readonly PreparedAggregate[]

  constructor (step: AggregateStep, context: ProcessorContext) {
    const source = step.source.schema.value
    this.#plain = step.nonAggregateColumns.map(name => source.findIndex(column => column.name === name))
    this.#aggregates = step.aggregates.map(call => prepare(compileAggregate(call, source, context.compileContext(step.context))))
    this.columns = [
      ...this.#plain.map(at => source[at]!),
      ...this.#aggregates.map(({ implementation }, i) => ({ name: `KSQL_AGG_VARIABLE_${i}`, type: implementation.stateType }))
    ]
  }

  initialize (): Row {
    return [...this.#plain.map(() => null), ...this.#aggregates.map(one => one.implementation.initialize())]
  }

  /** `own`: no one else refers to the state's parts, so they may be changed in place. */
  add (state: Row, row: Row, own: boolean): Row {
    const result: Row = own ? state : [...state]
    const plain = this.#plain.length
    for (let i = 0; i < plain; i++) result[i] = row[this.#plain[i]!]!
    for (let i = 0; i < this.#aggregates.length; i++) {
      const one = this.#aggregates[i]!
      const { parameters, values } = one
      for (let j = 0; j < parameters.length; j++) values[j] = parameters[j]!(row)
      result[plain + i] = own ? one.addInPlace(state[plain + i]!, values) : one.add(state[plain + i]!, values)
    }
    return result
  }

  undo (state: Row, row: Row): Row {
    const result: Row = [...state]
    this.#plain.forEach((at, i) => { result[i] = row[at]! })
    this.#aggregates.forEach(({ implementation, parameters }, i) => {
      const at = this.#plain.length + i
      if (implementation.undo === undefined) throw new Error('The aggregate cannot be undone')
      result[at] = implementation.undo(state[at]!, parameters.map(one => one(row)))
    })
    return result
  }

  merge (a: Row, b: Row): Row {
    const plain = this.#plain.length
    return a.map((value, i) => i < plain ? value ?? b[i]! : this.#aggregates[i - plain]!.implementation.merge(value, b[i]!))
  }

  /** The row that the step gives for a state. */
  map (state: Row, window: Window | undefined): Row {
    const plain = this.#plain.length
    const row: Row = new Array<Value>(plain + this.#aggregates.length)
    for (let i = 0; i < plain; i++) row[i] = state[i]!
    for (let i = 0; i < this.#aggregates.length; i++) row[plain + i] = this.#aggregates[i]!.implementation.map(state[plain + i]!)
    if (window !== undefined) row.push(BigInt(window.start), BigInt(window.end))
    return row
  }
}

/** What lies downstream of an aggregate. */
export interface AggregateUse {
  /** Someone needs the row before. */
  readonly sendOld: boolean
  /** No one keeps a row, or a part of it, for longer than the call. */
  readonly exclusive: boolean
}

/** An aggregate's processor, and how its rows are read. */
export interface BuiltAggregate {
  readonly process: Forward
  readonly store: TableStore
  readonly aggregator: Aggregator
}

/** Sends a store's changes on: at once, or once for each key at the commit. */
export class ChangeForwarder {
  readonly #store: TableStore
  readonly #aggregator: Aggregator
  readonly #context: ProcessorContext
  readonly #forward: Forward
  readonly #sendOld: boolean
  readonly #exclusive: boolean
  #changed: { readonly entry: Entry, readonly old: Row | null, readonly partition: number }[] = []

  constructor (store: TableStore, aggregator: Aggregator, context: ProcessorContext, forward: Forward, { sendOld, exclusive }: AggregateUse) {
    this.#store = store
    this.#exclusive = exclusive
    this.#aggregator = aggregator
    this.#context = context
    this.#forward = forward
    this.#sendOld = sendOld
    if (context.coalesce) context.beforeCommit(() => this.#flush())
    context.onRollback(() => { this.#changed = [] })
  }

  /** True where the entry's state is this processor's own: no one keeps rows made of it, or it has been replaced since the last commit. */
  owns (entry: Entry): boolean {
    return this.#exclusive || entry.changed
  }

  update (entry: Entry, state: Row | null, timestamp: number): void {
    const before = entry.row
    const old = (): Row | null => this.#sendOld && before !== null ? this.#aggregator.map(before, entry.window) : null
    if (!this.#context.coalesce) {
      const oldRow = old()
      this.#store.put(entry, state, timestamp)
      this.#send(entry, oldRow)
      return
    }
    if (!entry.changed) {
      this.#changed.push({ entry, old: old(), partition: this.#context.partition })
      entry.changed = true
    }
    this.#store.put(entry, state, timestamp)
  }

  #send (entry: Entry, old: Row | null): void {
    const value = entry.row === null ? null : this.#aggregator.map(entry.row, entry.window)
    this.#forward(new StreamRecord(entry.key, entry.window, value, old, entry.timestamp))
  }

  #flush (): void {
    const changed = this.#changed
    this.#changed = []
    for (const { entry, old, partition } of changed) {
      entry.changed = false
      const before = this.#context.partition
      this.#context.partition = partition
      this.#send(entry, old)
      this.#context.partition = before
    }
  }
}

export function streamAggregate (step: StepOf<'StreamAggregate'>, context: ProcessorContext, forward: Forward, use: AggregateUse): BuiltAggregate {
  const aggregator = new Aggregator(step, context)
  const store = context.store(step.context, { key: step.schema.key, value: aggregator.columns })
  const changes = new ChangeForwarder(store, aggregator, context, forward, use)
  const process = (record: StreamRecord): void => {
    if (record.key === null || record.value === null) return
    const entry = store.entry(record.key)
    const state = aggregator.add(entry.row ?? aggregator.initialize(), record.value, changes.owns(entry) && entry.row !== null)
    changes.update(entry, state, Math.max(record.timestamp, entry.timestamp))
  }
  return { process, store, aggregator }
}

/** GROUP BY over a table, then its aggregate: an update takes the old row back from its group before it adds the new one to its. */
export function tableAggregate (step: StepOf<'TableAggregate'>, context: ProcessorContext, forward: Forward, use: AggregateUse): BuiltAggregate {
  const group = step.source as StepOf<'TableGroupBy'>
  const aggregator = new Aggregator(step, context)
  const store = context.store(step.context, { key: step.schema.key, value: aggregator.columns })
  const changes = new ChangeForwarder(store, aggregator, context, forward, use)
  const evaluators = group.groupByExpressions.map((one, i) => groupByEvaluator(one, i, group.source.schema.value, group.context, context))
  const keyOf = (row: Row): Row | undefined => {
    const key = evaluators.map(evaluate => evaluate(row))
    return key.includes(null) ? undefined : key
  }
  const apply = (key: Row, timestamp: number, change: (state: Row) => Row): void => {
    const before = context.partition
    context.partition = context.partitionOf(key, step.schema.key)
    const entry = store.entry(key)
    changes.update(entry, change(entry.row ?? aggregator.initialize()), Math.max(timestamp, entry.timestamp))
    context.partition = before
  }
  const process = (record: StreamRecord): void => {
    const { value, old, timestamp } = record
    const oldKey = old === null ? undefined : keyOf(old)
    const newKey = value === null ? undefined : keyOf(value)
    if (oldKey !== undefined && newKey !== undefined && old !== null && value !== null && oldKey.every((part, i) => part === newKey[i])) {
      apply(newKey, timestamp, state => aggregator.add(aggregator.undo(state, old), value, false))
      return
    }
    if (oldKey !== undefined && old !== null) apply(oldKey, timestamp, state => aggregator.undo(state, old))
    if (newKey !== undefined && value !== null) apply(newKey, timestamp, state => aggregator.add(state, value, false))
  }
  return { process, store, aggregator }
}
