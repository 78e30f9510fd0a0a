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
  readonly parameters: readonly Input[]
  /** The arguments of the call at hand: an aggregate does not keep the array. */
  readonly values: Value[]
}

/** Where a value comes from: a place of the row, or, where that is -1, a function of it. */
export interface Input {
  readonly place: number
  readonly evaluate: (row: Row) => Value
}

/** What an aggregate's rows are read from in place of the rows of its source, whose columns it stands for by place. */
export type Inputs = readonly Input[]

export const columnInput = (place: number): Input => ({ place, evaluate: row => row[place]! })

function prepare ({ implementation, arguments: evaluators, places }: CompiledAggregate, inputs: Inputs): PreparedAggregate {
  const { add, addInPlace = add } = implementation
  const parameters = evaluators.map((evaluate, i): Input => places[i]! < 0 ? { place: -1, evaluate } : inputs[places[i]!]!)
  return { implementation, add, addInPlace, parameters, values: parameters.map(() => null) }
}

type Update = (state: Row, result: Row, row: Row) => void

/**
 * Adds a row to all parts of a state, as one function without loops: each call in it is of one implementation only, which V8 then puts in its place. Its text
 * is made of places alone, of nothing that a statement says.
 */
function compileUpdate (plain: readonly number[], aggregates: readonly PreparedAggregate[], inPlace: boolean): Update {
  const lines = plain.map((at, i) => `result[${i}] = row[${at}]`)
  aggregates.forEach(({ parameters }, i) => {
    const at = plain.length + i
    parameters.forEach(({ place }, j) => lines.push(`values${i}[${j}] = ${place >= 0 ? `row[${place}]` : `evaluate${i}_${j}(row)`}`))
    lines.push(`result[${at}] = add${i}(state[${at}], values${i})`)
  })
  const names = aggregates.flatMap(({ parameters }, i) => [`add${i}`, `values${i}`, ...parameters.map((_, j) => `evaluate${i}_${j}`)])
  const parts = aggregates.flatMap(({ add, addInPlace, values, parameters }) =>
    [inPlace ? addInPlace : add, values, ...parameters.map(({ evaluate }) => evaluate)])
  // eslint-disable-next-line no-new-func -- see above
  return new Function(...names, `return (state, result, row) => {\n${lines.join('\n')}\n}`)(...parts) as Update
}

/** One group's state as the store keeps it: the columns that are not aggregated, then the state of each aggregate. */
export class Aggregator {
  readonly columns: readonly Column[]
  readonly #plain: readonly number[]
  readonly #aggregates: readonly PreparedAggregate[]
  readonly #update: Update
  readonly #updateInPlace: Update

  /** `inputs`: by column of the step's source, where the rows come otherwise than as it gives them. */
  constructor (step: AggregateStep, context: ProcessorContext, inputs?: Inputs) {
    const source = step.source.schema.value
    const own = inputs ?? source.map((_, i) => columnInput(i))
    const plain = step.nonAggregateColumns.map(name => source.findIndex(column => column.name === name))
    this.#plain = plain.map(at => own[at]!.place)
    this.#aggregates = step.aggregates.map(call => prepare(compileAggregate(call, source, context.compileContext(step.context)), own))
    this.#update = compileUpdate(this.#plain, this.#aggregates, false)
    this.#updateInPlace = compileUpdate(this.#plain, this.#aggregates, true)
    this.columns = [
      ...plain.map(at => source[at]!),
      ...this.#aggregates.map(({ implementation }, i) => ({ name: `KSQL_AGG_VARIABLE_${i}`, type: implementation.stateType }))
    ]
  }

  initialize (): Row {
    return [...this.#plain.map(() => null), ...this.#aggregates.map(one => one.implementation.initialize())]
  }

  /** `own`: no one else refers to the state's parts, so they may be changed in place. */
  add (state: Row, row: Row, own: boolean): Row {
    if (own) {
      this.#updateInPlace(state, state, row)
      return state
    }
    const result: Row = [...state]
    this.#update(state, result, row)
    return result
  }

  undo (state: Row, row: Row): Row {
    const result: Row = [...state]
    this.#plain.forEach((at, i) => { result[i] = row[at]! })
    this.#aggregates.forEach(({ implementation, parameters }, i) => {
      const at = this.#plain.length + i
      if (implementation.undo === undefined) throw new Error('The aggregate cannot be undone')
      result[at] = implementation.undo(state[at]!, parameters.map(({ evaluate }) => evaluate(row)))
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
    const width = plain + this.#aggregates.length
    const row: Row = new Array<Value>(window === undefined ? width : width + 2)
    for (let i = 0; i < plain; i++) row[i] = state[i]!
    for (let i = 0; i < this.#aggregates.length; i++) row[plain + i] = this.#aggregates[i]!.implementation.map(state[plain + i]!)
    if (window !== undefined) {
      row[width] = BigInt(window.start)
      row[width + 1] = BigInt(window.end)
    }
    return row
  }
}

/** How an aggregate stands among the other steps. */
export interface AggregateUse {
  /** What its rows are read from, where that is not its source. */
  readonly inputs?: Inputs
  /** Its keys belong to other partitions than the records; the context says that of the records. */
  readonly rekeyed?: boolean
  /** Someone needs the row before. */
  readonly sendOld: boolean
  /** No one keeps a row, or a part of it, for longer than the call. */
  readonly exclusive: boolean
}

/** An aggregate's processor, and how its rows are read. */
export interface BuiltAggregate {
  readonly process: Forward
  /** Adds a row of a group whose key is one column, `part`, or `key`. */
  readonly add: AddRow
  readonly store: TableStore
  readonly aggregator: Aggregator
}

export type AddRow = (part: Value, key: Row | undefined, row: Row, timestamp: number) => void

/** Sends a store's changes on: at once, or once for each key at the commit. */
export class ChangeForwarder {
  readonly #store: TableStore
  readonly #aggregator: Aggregator
  readonly #context: ProcessorContext
  readonly #forward: Forward
  readonly #sendOld: boolean
  readonly #exclusive: boolean
  readonly #rekeyed: boolean
  #changed: { readonly entry: Entry, readonly old: Row | null, readonly partition: number }[] = []

  constructor (store: TableStore, aggregator: Aggregator, context: ProcessorContext, forward: Forward, { sendOld, exclusive, rekeyed = false }: AggregateUse) {
    this.#rekeyed = rekeyed
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
    const context = this.#context
    const before = context.partition
    for (const { entry, old, partition } of changed) {
      entry.changed = false
      context.partition = this.#rekeyed ? context.partitionOf(entry.key, this.#store.options.key) : partition
      this.#send(entry, old)
    }
    context.partition = before
  }
}

export function streamAggregate (step: StepOf<'StreamAggregate'>, context: ProcessorContext, forward: Forward, use: AggregateUse): BuiltAggregate {
  const aggregator = new Aggregator(step, context, use.inputs)
  const store = context.store(step.context, { key: step.schema.key, value: aggregator.columns })
  const changes = new ChangeForwarder(store, aggregator, context, forward, use)
  const add: AddRow = (part, key, row, timestamp) => {
    const entry = key === undefined ? store.entryOf(part, undefined) : store.entry(key)
    const state = aggregator.add(entry.row ?? aggregator.initialize(), row, changes.owns(entry) && entry.row !== null)
    changes.update(entry, state, Math.max(timestamp, entry.timestamp))
  }
  return { add, process: processorOf(add), store, aggregator }
}

/** Adds the rows of records that have a key. */
export function processorOf (add: AddRow): Forward {
  return ({ key, value, timestamp }) => { if (key !== null && value !== null) add(null, key, value, timestamp) }
}

/** GROUP BY over a table, then its aggregate: an update takes the old row back from its group before it adds the new one to its. */
export function tableAggregate (
  step: StepOf<'TableAggregate'>, context: ProcessorContext, forward: Forward, use: AggregateUse
): Omit<BuiltAggregate, 'add'> {
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
