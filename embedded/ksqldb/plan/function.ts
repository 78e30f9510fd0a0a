// What a built-in function is: the contract between the function library (functions/), the type checker and the compiler.
import type { SqlType } from '../sql/sql-type.js'
import type { Value } from './value.js'

/** A parameter's type: a SQL type, a type variable (`T`), a shape over variables, a lambda, an interval unit. Decimal without precision takes any. */
export type ParameterType =
  | SqlType
  | { readonly base: 'ANY_DECIMAL' }
  | { readonly base: 'ANY' }
  | { readonly base: 'GENERIC', readonly name: string }
  | { readonly base: 'ARRAY_OF', readonly items: ParameterType }
  | { readonly base: 'MAP_OF', readonly keys: ParameterType, readonly values: ParameterType }
  | { readonly base: 'ANY_STRUCT' }
  | { readonly base: 'LAMBDA', readonly parameters: readonly ParameterType[], readonly returns: ParameterType }
  | { readonly base: 'INTERVAL_UNIT' }

/** What an argument is to a function that decides its type itself. */
export type ArgumentType = SqlType | { readonly base: 'LAMBDA', readonly parameters: readonly SqlType[], readonly returns: SqlType } | { readonly base: 'INTERVAL_UNIT' } | undefined

/** A lambda as a value, or an interval unit's ms, beside ordinary values. `undefined` type above and null value: the NULL literal. */
export type Lambda = (...args: Value[]) => Value
export type Argument = Value | Lambda

export interface ParameterDescription {
  readonly name: string
  readonly type: ParameterType
  readonly description: string
}

export interface FunctionDescription {
  /** Upper case. */
  readonly name: string
  /** As SHOW FUNCTIONS and DESCRIBE FUNCTION print. */
  readonly author: string
  readonly category: string
  readonly description: string
  /** `internal` for built-in. */
  readonly path: string
}

interface Signature {
  readonly parameters: readonly ParameterDescription[]
  /** Index of the parameter that may repeat (also not at all), usually the last. */
  readonly variadicIndex?: number
  readonly description: string
  /** A fixed type, a shape over the parameters' variables, or a rule. A rule may throw an Error whose message the statement answers with. */
  readonly returns: ParameterType | ((args: readonly ArgumentType[]) => SqlType)
  /** What DESCRIBE FUNCTION prints as the type where `returns` is a rule. */
  readonly describedReturns?: ParameterType
}

export interface ScalarSignature extends Signature {
  /** Gets the arguments' values after implicit casts to the parameter types; `types` (of the arguments as cast) is for building once per call site. */
  readonly implement: (types: readonly ArgumentType[], returns: SqlType) => (...args: Argument[]) => Value
}

export interface ScalarFunction extends FunctionDescription {
  readonly kind: 'SCALAR'
  readonly signatures: readonly ScalarSignature[]
}

export interface TableFunctionSignature extends Signature {
  /** `returns` is the type of one output row's column. */
  readonly implement: (types: readonly ArgumentType[], returns: SqlType) => (...args: Argument[]) => Iterable<Value>
}

export interface TableFunction extends FunctionDescription {
  readonly kind: 'TABLE'
  readonly signatures: readonly TableFunctionSignature[]
}

/**
 * An aggregate over one group. `S` is what the state store keeps: it has a SQL type, so that one serde writes all states. In place of the bigint of a
 * BIGINT a state may hold a number that is a safe integer; what is read from the store has the bigint.
 * `add`, `undo` and `merge` leave their arguments as they are.
 */
export interface AggregateImplementation<S extends Value = Value> {
  readonly stateType: SqlType
  readonly initialize: () => S
  /**
   * `args` in the call's order, after implicit casts; the array is the caller's to use again. `initial` arguments (the N of TOPK) went to `implement` as
   * constants.
   */
  readonly add: (state: S, args: readonly Value[]) => S
  /** The same for a caller that alone holds `state` (no emitted row, no older version refers to it): may change it and give it back. */
  readonly addInPlace?: (state: S, args: readonly Value[]) => S
  /** For an aggregate over a table: takes an earlier `add` back. Absent: refused over tables. */
  readonly undo?: (state: S, args: readonly Value[]) => S
  /** For session windows: the union of two states. */
  readonly merge: (a: S, b: S) => S
  readonly map: (state: S) => Value
}

export interface AggregateSignature extends Signature {
  /** How many of the last parameters are constants, such as the N of TOPK. */
  readonly initialArguments: number
  readonly implement: (types: readonly ArgumentType[], returns: SqlType, initial: readonly Value[]) => AggregateImplementation<any>
}

export interface AggregateFunction extends FunctionDescription {
  readonly kind: 'AGGREGATE'
  readonly signatures: readonly AggregateSignature[]
}

export type BuiltInFunction = ScalarFunction | TableFunction | AggregateFunction
