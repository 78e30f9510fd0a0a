// Finds the function and the signature that a call means, by the rules of ksqlDB's UdfIndex.
import type { BuiltInFunction } from './function.js'

/** The functions that statements may call, by name in any case. */
export class FunctionRegistry {
  readonly #functions = new Map<string, BuiltInFunction>()

  constructor (functions: Iterable<BuiltInFunction>) {
    for (const f of functions) this.#functions.set(f.name.toUpperCase(), f)
  }

  get (name: string): BuiltInFunction | undefined {
    return this.#functions.get(name.toUpperCase())
  }

  /** All of them, by name. */
  list (): readonly BuiltInFunction[] {
    return [...this.#functions.values()].sort((a, b) => a.name < b.name ? -1 : 1)
  }
}
