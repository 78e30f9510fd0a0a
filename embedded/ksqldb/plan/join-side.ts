// One side of a join as it must be before: keyed by the join expression, its columns under its alias
// (ksqlDB's PreJoinRepartitionNode and PreJoinProjectNode).
import type { Expression } from '../sql/ast.js'
import { joinedName } from './column-names.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Built, PlanContext, PlanNode, Projection, SourceNodeLike } from './plan-node.js'
import type { Column, LogicalSchema } from './schema.js'
import { supportsInference } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import { needsRepartition, repartitionedSchema, selectKey } from './rekey.js'
import { columnReference } from './tree.js'

/** A side of a join, which must come to a common key format with the other. */
export interface JoiningNode extends PlanNode {
  preferredKeyFormat (): KeyFormat | undefined
  setKeyFormat (format: KeyFormat): void
}

/** A join that is itself a side of another. */
export interface InnerJoin extends JoiningNode {
  /** Lets its sides settle on a key format by themselves. */
  resolveKeyFormats (): void
  /** The sources beneath, each with its alias, from the left. */
  projects (): PreJoinProject[]
}

function sameFormat (a: KeyFormat, b: KeyFormat): boolean {
  return a.info.format === b.info.format && JSON.stringify(a) === JSON.stringify(b)
}

/** Rekeys one side by its join expression. */
export class PreJoinRepartition implements JoiningNode {
  readonly schema: LogicalSchema
  /** The join whose result is rekeyed, if it is one. */
  readonly join: InnerJoin | undefined
  readonly #input: PlanNode
  readonly #id: string
  readonly #expression: Expression
  #keyFormat: KeyFormat | undefined
  #force = false

  /** `join`: the input, where it is a join. */
  constructor (id: string, input: PlanNode, expression: Expression, functions: FunctionRegistry, join?: InnerJoin) {
    this.#id = id
    this.#input = input
    this.join = join
    this.#expression = expression
    this.schema = repartitionedSchema(input.schema, [expression], functions)
  }

  get kind (): 'STREAM' | 'TABLE' { return this.#input.kind }
  get sources (): readonly SourceNodeLike[] { return this.#input.sources }

  resolveSelect (index: number, expression: Expression): Expression {
    return this.#input.resolveSelect(index, expression)
  }

  starColumns (alias: string | undefined): readonly string[] {
    return this.#input.starColumns(alias)
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    this.#input.checkKeyPresent(sink, projection)
  }

  get #rekeys (): boolean {
    return needsRepartition(this.#input.schema, [this.#expression])
  }

  get #sourceFormat (): KeyFormat {
    return keyFormatOf(this.sources[0] as SourceNodeLike)
  }

  preferredKeyFormat (): KeyFormat | undefined {
    if (this.#rekeys) return undefined
    return this.join === undefined ? this.#sourceFormat : this.join.preferredKeyFormat()
  }

  setKeyFormat (format: KeyFormat): void {
    const passDown = this.#choose(format)
    if (passDown === undefined) this.join?.resolveKeyFormats()
    else this.join?.setKeyFormat(passDown)
  }

  /** Keeps what this node itself must change to; gives what the join beneath can do instead. */
  #choose (format: KeyFormat): KeyFormat | undefined {
    // Keys of formats with a schema carry its id: two sides would never meet unless both are written anew.
    if (supportsInference(format.info.format)) this.#force = true
    if (this.#rekeys || this.#force) {
      this.#keyFormat = format
      return undefined
    }
    if (this.join !== undefined) {
      const preferred = this.join.preferredKeyFormat()
      if (preferred === undefined || sameFormat(preferred, format)) return format
      this.#keyFormat = format
      return undefined
    }
    if (!sameFormat(format, this.#sourceFormat)) this.#keyFormat = format
    return undefined
  }

  build (context: PlanContext): Built {
    const forced = { ...(this.#keyFormat === undefined ? {} : { keyFormat: this.#keyFormat }), repartition: this.#force }
    return selectKey(this.#input.build(context), [this.#expression], this.schema, this.#id, this, context, forced)
  }
}

export function keyFormatOf ({ source }: SourceNodeLike): KeyFormat {
  return { info: source.formats.key, ...(source.window === undefined ? {} : { window: source.window }) }
}

/** Puts the alias before each column of one side. */
export class PreJoinProject implements JoiningNode {
  readonly schema: LogicalSchema
  readonly alias: string
  readonly #input: PlanNode
  readonly #id: string

  constructor (id: string, input: PlanNode, alias: string) {
    this.#id = id
    this.#input = input
    this.alias = alias
    const prefixed = (columns: readonly Column[]): Column[] => columns.map(c => ({ name: joinedName(alias, c.name), type: c.type }))
    this.schema = { key: prefixed(input.schema.key), value: prefixed(input.schema.value) }
  }

  get kind (): 'STREAM' | 'TABLE' { return this.#input.kind }
  get sources (): readonly SourceNodeLike[] { return this.#input.sources }

  resolveSelect (_index: number, expression: Expression): Expression {
    return expression
  }

  starColumns (alias: string | undefined): readonly string[] {
    return this.#input.starColumns(alias).map(name => joinedName(this.alias, name))
  }

  checkKeyPresent (sink: string, projection: Projection): void {
    this.#input.checkKeyPresent(sink, projection)
  }

  preferredKeyFormat (): KeyFormat | undefined {
    return this.#input instanceof PreJoinRepartition ? this.#input.preferredKeyFormat() : keyFormatOf(this.sources[0] as SourceNodeLike)
  }

  setKeyFormat (format: KeyFormat): void {
    if (this.#input instanceof PreJoinRepartition) this.#input.setKeyFormat(format)
  }

  build (context: PlanContext): Built {
    const built = this.#input.build(context)
    return {
      ...built,
      step: {
        step: built.kind === 'STREAM' ? 'StreamSelect' : 'TableSelect', context: this.#id, schema: this.schema, source: built.step,
        keyColumnNames: this.schema.key.map(c => c.name),
        selects: this.#input.schema.value.map(c => ({ alias: joinedName(this.alias, c.name), expression: columnReference(c.name) }))
      }
    }
  }
}
