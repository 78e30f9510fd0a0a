// What the built-in functions take from outside: the clock, randomness and the properties that change how some of them work.
import { randomUUID } from 'node:crypto'

export interface FunctionContext {
  /** ms since the epoch. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly uuid: () => string
  /**
   * Server properties by their full names. Read here: `ksql.functions.collect_list.limit` and `ksql.functions.collect_set.limit`
   * (entries; negative or absent: no limit).
   */
  readonly properties: Readonly<Record<string, string>>
}

export const systemContext: FunctionContext = {
  now: Date.now,
  random: Math.random,
  uuid: randomUUID,
  properties: {}
}
