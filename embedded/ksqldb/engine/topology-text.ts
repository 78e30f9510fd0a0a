// A query's topology as text, in the form of Kafka Streams' TopologyDescription: what EXPLAIN prints. It is the engine's own topology: all steps of a
// query run in one process, so there is one sub-topology, and no repartition topic stands between two of its processors.
import type { ExecutionStep, QueryPlan } from '../plan/steps.js'

interface Node {
  readonly name: string
  readonly head: string
  readonly before: Node[]
  readonly after: Node[]
}

/** The names of the state stores that a step keeps, as the runtime makes them. */
function storesOf (step: ExecutionStep): string[] {
  const name = step.context.replaceAll('/', '-')
  switch (step.step) {
    case 'TableSource': case 'WindowedTableSource': return step.materialized ? [name] : []
    case 'StreamAggregate': case 'StreamWindowedAggregate': case 'TableAggregate': case 'TableSelectKey': return [name]
    case 'StreamStreamJoin': return [`${name}-left`, `${name}-right`, ...step.joinType === 'INNER' ? [] : [`${name}-outer`]]
    case 'ForeignKeyTableTableJoin': return [`${name}-subscriptions`]
    default: return []
  }
}

class Describer {
  readonly nodes: Node[] = []
  readonly #names = new Set<string>()

  #add (kind: 'Source' | 'Processor' | 'Sink', wanted: string, details: string, before: readonly Node[]): Node {
    let name = wanted
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}-${i}`
    this.#names.add(name)
    const node: Node = { name, head: `${kind}: ${name} (${details})`, before: [...before], after: [] }
    for (const one of before) one.after.push(node)
    this.nodes.push(node)
    return node
  }

  /** Kafka Streams numbers what has no name of its own. */
  #numbered (name: string): string {
    return `${name}-${String(this.nodes.length).padStart(10, '0')}`
  }

  /** Adds the step behind those that it reads; gives its node. */
  step (step: ExecutionStep): Node {
    const stores = `stores: [${storesOf(step).join(', ')}]`
    if ('sourceName' in step) {
      const isTable = step.step === 'TableSource' || step.step === 'WindowedTableSource'
      const source = this.#add('Source', this.#numbered('KSTREAM-SOURCE'), `topics: [${step.topic}]`, [])
      return this.#add('Processor', this.#numbered(isTable ? 'KTABLE-SOURCE' : 'KSTREAM-TRANSFORMVALUES'), stores, [source])
    }
    const before = 'left' in step ? [this.step(step.left), this.step(step.right)] : [this.step(step.source)]
    return this.#add('Processor', step.context.replaceAll('/', '-'), stores, before)
  }

  sink (topic: string, last: Node): void {
    this.#add('Sink', this.#numbered('KSTREAM-SINK'), `topic: ${topic}`, [last])
  }
}

/** The text begins with `Topologies:` and ends with an empty line. */
export function topologyText (plan: QueryPlan): string {
  const describer = new Describer()
  const last = describer.step(plan.physical)
  if (plan.sink !== undefined) describer.sink(plan.sink.topic, last)
  const names = (nodes: readonly Node[]): string => nodes.length === 0 ? 'none' : nodes.map(node => node.name).join(', ')
  const lines = describer.nodes.flatMap(node => [
    `    ${node.head}`,
    ...node.head.startsWith('Sink') ? [] : [`      --> ${names(node.after)}`],
    ...node.before.length === 0 ? [] : [`      <-- ${names(node.before)}`]
  ])
  return ['Topologies:', '   Sub-topology: 0', ...lines, '', ''].join('\n')
}
