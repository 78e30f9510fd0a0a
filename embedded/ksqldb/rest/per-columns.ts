// What is made of a query's columns alone is made once for as long as they live: a plan that is kept for the next pull query keeps its columns.
import type { ResultColumn } from '../engine/queries.js'

export const perColumns = <T>(make: (columns: readonly ResultColumn[]) => T): ((columns: readonly ResultColumn[]) => T) => {
  const made = new WeakMap<readonly ResultColumn[], { readonly value: T }>()
  return columns => {
    let known = made.get(columns)
    if (known === undefined) made.set(columns, known = { value: make(columns) })
    return known.value
  }
}
