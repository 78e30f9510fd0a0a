// Generated column names: KSQL_COL_0 for expressions, a struct field's own name, ALIAS_COLUMN after a join, ROWKEY for a join's own key.
import type { Expression } from '../sql/ast.js'
import type { Column } from './schema.js'

const COLUMN_PREFIX = 'KSQL_COL'
const JOIN_KEY_PREFIX = 'ROWKEY'
const NUMBERED = /^(.*?)(?:_(\d+))?$/s

export function joinedName (alias: string, column: string): string {
  return `${alias}_${column}`
}

export function aggregateName (index: number): string {
  return `KSQL_AGG_VARIABLE_${index}`
}

export function tableFunctionName (index: number): string {
  return `KSQL_SYNTH_${index}`
}

/** Whether a name may be that of a key that a join made. */
export function maybeJoinKey (name: string): boolean {
  return name.startsWith(JOIN_KEY_PREFIX)
}

/** Gives names that none of the given columns has, each once. */
export class NameGenerator {
  readonly #used = new Map<string, Set<number>>()
  readonly #next = new Map<string, number>()

  constructor (columns: Iterable<Column>) {
    for (const column of columns) {
      const match = NUMBERED.exec(column.name)
      const prefix = match?.[1] ?? ''
      const used = this.#used.get(prefix) ?? new Set()
      used.add(Number(match?.[2] ?? 0))
      this.#used.set(prefix, used)
    }
  }

  /** For a projected expression without alias. */
  aliasFor (expression: Expression): string {
    if (expression.node !== 'Dereference') return this.#take(COLUMN_PREFIX, false)
    return this.#take(NUMBERED.exec(expression.fieldName)?.[1] ?? expression.fieldName, true)
  }

  joinKey (): string {
    return this.#take(JOIN_KEY_PREFIX, true)
  }

  #take (prefix: string, dropZero: boolean): string {
    const used = this.#used.get(prefix)
    let index = this.#next.get(prefix) ?? 0
    while (used?.has(index) === true) index++
    this.#next.set(prefix, index + 1)
    return index === 0 && dropZero ? prefix : `${prefix}_${index}`
  }
}
