// Turns a plan's steps into processors: each gets the function that takes what it gives. What is left open are the sources.
import type { ExecutionStep, SourceStep, WindowInfo } from '../plan/steps.js'
import type { LogicalSchema } from '../plan/schema.js'
import type { Row } from '../plan/value.js'
import { compilePredicate } from '../plan/compile.js'
import { columnsIn } from '../plan/tree.js'
import { streamAggregate, tableAggregate, windowTimeMs } from './processors/aggregate.js'
import { windowedAggregate } from './processors/aggregate-windowed.js'
import type { AggregateStep, Aggregator } from './processors/aggregate.js'
import type { Forward, ProcessorContext, StepOf } from './processors/context.js'
import { aggregateNeeds, groupColumns } from './processors/group-columns.js'
import { foreignKeyJoin } from './processors/join-foreign-key.js'
import { streamStreamJoin } from './processors/join-stream-stream.js'
import { streamTableJoin, tableTableJoin } from './processors/join-table.js'
import type { TableGetter } from './processors/join-table.js'
import { compileSelects, selectKey, streamFilter, streamFlatMap, streamGroupBy, streamSelect } from './processors/stateless.js'
import { materialize, tableFilter, tableSelect } from './processors/table.js'
import type { TableStore } from './state/table-store.js'
import type { Window } from './api.js'

export interface TopologySource {
  readonly step: SourceStep
  readonly process: Forward
  /** The columns that the processors read; undefined: all. */
  readonly reads: ReadonlySet<string> | undefined
}

/** The rows of a table at some step: what a store keeps, and what the steps above it make of it. */
export interface Materialization {
  readonly store: TableStore
  /** null: the row is not in the table. `stored` is the store's row. */
  readonly rowOf: (stored: Row, window: Window | undefined, timestamp: number) => Row | null
}

export interface Topology {
  readonly sources: readonly TopologySource[]
  readonly materialization: Materialization | undefined
}

interface Built {
  /** How the rows of this step can be read, where they can. */
  readonly materialization?: Materialization
}

function getterOf ({ store, rowOf }: Materialization): TableGetter {
  return (key, window) => {
    const entry = store.entry(key, window)
    const row = entry.row === null ? null : rowOf(entry.row, window, entry.timestamp)
    return row === null ? undefined : { row, timestamp: entry.timestamp }
  }
}

/** The window of the keys that a step gives. */
function windowOf (step: ExecutionStep): WindowInfo | undefined {
  if ('sourceName' in step) return step.window
  if (step.step === 'StreamWindowedAggregate' && step.window !== undefined) {
    const { windowType, size } = step.window
    return windowType === 'SESSION' ? { type: windowType } : { type: windowType, sizeMs: windowTimeMs(size) }
  }
  return 'source' in step && step.step !== 'StreamGroupBy' ? windowOf(step.source) : 'left' in step ? windowOf(step.left) : undefined
}

/** KTableImpl.enableSendingOldValues(false): whether a table can say what a row was before without a store made for it. */
function sendsOldValues (step: ExecutionStep): boolean {
  switch (step.step) {
    case 'TableSource': case 'WindowedTableSource': return step.materialized
    case 'TableFilter': return sendsOldValues(step.source)
    case 'TableSelect': return step.materialized === true || sendsOldValues(step.source)
    case 'StreamAggregate': case 'StreamWindowedAggregate': case 'TableAggregate': case 'TableTableJoin': case 'TableSelectKey': return true
    default: return false
  }
}

class TopologyBuilder {
  readonly sources: TopologySource[] = []
  readonly context: ProcessorContext
  readonly #root: ExecutionStep
  readonly #resultsAreKept: boolean
  /** What is read of a step's columns, where that is known. */
  readonly #neededOf = new Map<ExecutionStep, ReadonlySet<string>>()

  constructor (context: ProcessorContext, root: ExecutionStep, resultsAreKept: boolean) {
    this.context = context
    this.#root = root
    this.#resultsAreKept = resultsAreKept
  }

  /** `sendOld`: someone downstream needs to know what a changed row was before. */
  build (step: ExecutionStep, forward: Forward, sendOld: boolean): Built {
    const { context } = this
    switch (step.step) {
      case 'StreamSource': case 'WindowedStreamSource':
        this.sources.push({ step, process: forward, reads: this.#neededOf.get(step) })
        return {}
      case 'TableSource': case 'WindowedTableSource': return this.#tableSource(step, forward, sendOld)
      case 'StreamFilter': {
        const needed = this.#neededOf.get(step)
        if (needed !== undefined) this.#neededOf.set(step.source, new Set([...needed, ...columnsIn(step.filter).map(({ name }) => name)]))
        return this.build(step.source, streamFilter(step, context, forward), false)
      }
      case 'StreamSelect': return this.build(step.source, streamSelect(step, context, forward, this.#neededOf.get(step)), false)
      case 'StreamFlatMap': return this.build(step.source, streamFlatMap(step, context, forward), false)
      case 'StreamSelectKey': return this.build(step.source, selectKey(step, context, forward), false)
      case 'TableSelectKey': {
        const kept = materialize(step.context, step.schema, undefined, context, forward)
        this.build(step.source, selectKey(step, context, kept.process), false)
        return { materialization: { store: kept.store, rowOf: row => row } }
      }
      case 'StreamGroupBy': return this.build(step.source, streamGroupBy(step, context, forward), false)
      case 'TableGroupBy': return this.build(step.source, forward, true)
      case 'TableFilter': return this.#tableFilter(step, forward, sendOld)
      case 'TableSelect': return this.#tableSelect(step, forward, sendOld)
      case 'StreamAggregate': case 'StreamWindowedAggregate': case 'TableAggregate': return this.#aggregate(step, forward, sendOld)
      case 'StreamStreamJoin': {
        const { left, right } = streamStreamJoin(step, context, forward, windowOf(step.left))
        this.build(step.left, left, false)
        this.build(step.right, right, false)
        return {}
      }
      case 'StreamTableJoin': {
        const table = this.#keptTable(step.right, `${step.context}-right`, () => {}, false)
        this.build(step.left, streamTableJoin(step, forward, getterOf(table)), false)
        return {}
      }
      case 'TableTableJoin': return this.#tableJoin(step, getters => tableTableJoin(step, forward, sendOld, getters))
      case 'ForeignKeyTableTableJoin': {
        // The exchange sends no old rows: where they are needed, a copy of the result tells them.
        const kept = sendOld ? materialize(`${step.context}-result`, step.schema, undefined, context, forward) : undefined
        return this.#tableJoin(step, getters => foreignKeyJoin(step, context, kept?.process ?? forward, getters))
      }
    }
  }

  #tableJoin (
    step: StepOf<'TableTableJoin' | 'ForeignKeyTableTableJoin'>,
    make: (getters: { left: TableGetter, right: TableGetter }) => { left: Forward, right: Forward }
  ): Built {
    const none: TableGetter = () => undefined
    const getters = { left: none, right: none }
    const join = make(getters)
    getters.left = getterOf(this.#keptTable(step.left, `${step.context}-left`, join.left, true))
    getters.right = getterOf(this.#keptTable(step.right, `${step.context}-right`, join.right, true))
    return {}
  }

  /** The whole table, readable. */
  result (step: ExecutionStep, sink: Forward, options: TopologyOptions): Built {
    let end = sink
    const built = this.build(step, record => end(record), false)
    if (built.materialization !== undefined) return built
    const kept = materialize('Materialize', options.schema, windowKindOf(options.window), this.context, sink, options.window?.sizeMs)
    end = kept.process
    return { materialization: { store: kept.store, rowOf: row => row } }
  }

  /** A table whose rows can be read: by a store that it has below, or by a copy. */
  #keptTable (step: ExecutionStep, name: string, forward: Forward, sendOld: boolean): Materialization {
    // Whether a step below keeps the rows is known only once it is built: until then its end is open.
    let end = forward
    const { materialization } = this.build(step, record => end(record), sendOld)
    if (materialization !== undefined) return materialization
    const window = windowOf(step)
    const kept = materialize(name, step.schema, windowKindOf(window), this.context, forward, window?.sizeMs)
    end = kept.process
    return { store: kept.store, rowOf: row => row }
  }

  #tableSource (step: SourceStep, forward: Forward, sendOld: boolean): Built {
    if (!step.materialized && !sendOld) {
      this.sources.push({ step, process: record => { if (record.key !== null) forward(record) }, reads: undefined })
      return {}
    }
    const windowed = step.window === undefined ? undefined : step.window.type === 'SESSION' ? 'session' : 'time'
    const { process, store } = materialize(step.context, step.schema, windowed, this.context, forward, step.window?.sizeMs)
    this.sources.push({ step, process, reads: undefined })
    return { materialization: { store, rowOf: row => row } }
  }

  #tableFilter (step: StepOf<'TableFilter'>, forward: Forward, sendOld: boolean): Built {
    const old = sendOld || sendsOldValues(step.source)
    const { materialization } = this.build(step.source, tableFilter(step, this.context, forward, old), old)
    if (materialization === undefined) return {}
    const passes = compilePredicate(step.filter, step.source.schema.value, this.context.compileContext(step.context))
    return {
      materialization: {
        store: materialization.store,
        rowOf: (stored, window, timestamp) => {
          const row = materialization.rowOf(stored, window, timestamp)
          return row !== null && passes(row) ? row : null
        }
      }
    }
  }

  #tableSelect (step: StepOf<'TableSelect'>, forward: Forward, sendOld: boolean): Built {
    const { materialization } = this.build(step.source, tableSelect(step, this.context, forward, sendOld), sendOld)
    if (materialization === undefined) return {}
    const select = compileSelects(step.selects, step.source.schema.value, this.context.compileContext(step.context))
    return {
      materialization: {
        store: materialization.store,
        rowOf: (stored, window, timestamp) => {
          const row = materialization.rowOf(stored, window, timestamp)
          return row === null ? null : select(row)
        }
      }
    }
  }

  #aggregate (step: AggregateStep, forward: Forward, sendOld: boolean): Built {
    const { context } = this
    // Straight under a sink, which writes them at once, or with projections between, no one keeps the rows.
    let top = this.#root
    while (top.step === 'TableSelect') top = top.source
    const use = { sendOld, exclusive: top === step && !sendOld && !this.#resultsAreKept }
    const built = ({ store, aggregator }: { store: TableStore, aggregator: Aggregator }): Built =>
      ({ materialization: { store, rowOf: (stored, window) => aggregator.map(stored, window) } })
    if (step.step === 'TableAggregate') {
      const made = tableAggregate(step, context, forward, use)
      this.build(step.source, made.process, false)
      return built(made)
    }
    const grouped = groupColumns(step, context)
    // Time windows go by the partition's time; what has none needs the partition only when it sends.
    const perRecord = step.step === 'StreamWindowedAggregate' || !context.coalesce
    const group = step.source as StepOf<'StreamGroupBy'>
    const streamUse = grouped === undefined ? use : { ...use, inputs: grouped.inputs, rekeyed: group.repartition && !perRecord }
    const made = step.step === 'StreamAggregate' ? streamAggregate(step, context, forward, streamUse) : windowedAggregate(step, context, forward, streamUse)
    if (grouped === undefined) {
      if (group.source.step === 'StreamSelect') this.#neededOf.set(group.source, aggregateNeeds(step, group))
      this.build(group, made.process, false)
    } else {
      const { source } = group.source as StepOf<'StreamSelect'>
      this.#neededOf.set(source, grouped.reads)
      this.build(source, grouped.processor(made.add, perRecord), false)
    }
    return built(made)
  }
}

/** Which windows a table's keys have: as its plan says. */
export function windowKindOf (window: WindowInfo | undefined): 'time' | 'session' | undefined {
  return window === undefined ? undefined : window.type === 'SESSION' ? 'session' : 'time'
}

export interface TopologyOptions {
  /** The table's rows are to be read later: where no step keeps them, the last one does. */
  readonly materialize: boolean
  /** Whoever takes the results keeps them for longer than the call. */
  readonly resultsAreKept: boolean
  readonly schema: LogicalSchema
  readonly window: WindowInfo | undefined
}

/** Throws KsqlError where an expression does not compile. */
export function buildTopology (step: ExecutionStep, context: ProcessorContext, sink: Forward, options: TopologyOptions): Topology {
  const builder = new TopologyBuilder(context, step, options.resultsAreKept)
  const { materialization } = options.materialize ? builder.result(step, sink, options) : builder.build(step, sink, false)
  return { sources: builder.sources, materialization }
}
