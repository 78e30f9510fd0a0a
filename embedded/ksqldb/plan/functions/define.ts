// The short forms in which the library's tables are written: parameters, signatures, functions.
import type {
  AggregateFunction, AggregateSignature, Argument, ParameterDescription, ParameterType, ScalarFunction, ScalarSignature, TableFunction, TableFunctionSignature
} from '../function.js'
import type { Value } from '../value.js'

/** The arguments are what the signature says after implicit casts, so an implementation names their types; the checker cannot. */
export type Implementation = (...args: any[]) => Value
export type Returns = ScalarSignature['returns']
export type Category =
  | 'ARRAY' | 'MAP' | 'STRING' | 'MATHEMATICAL' | 'CONDITIONAL' | 'DATE / TIME' | 'URL' | 'JSON' | 'CONVERSIONS' | 'REGULAR EXPRESSION' | 'LAMBDA' | 'OTHER'

export const param = (name: string, type: ParameterType, description = ''): ParameterDescription => ({ name, type, description })

export const generic = (name: string): ParameterType => ({ base: 'GENERIC', name })
export const T = generic('T')
export const ANY_DECIMAL: ParameterType = { base: 'ANY_DECIMAL' }
export const INTERVAL_UNIT: ParameterType = { base: 'INTERVAL_UNIT' }
export const arrayOf = (items: ParameterType): ParameterType => ({ base: 'ARRAY_OF', items })
export const mapOf = (keys: ParameterType, values: ParameterType): ParameterType => ({ base: 'MAP_OF', keys, values })
export const lambda = (parameters: readonly ParameterType[], returns: ParameterType): ParameterType => ({ base: 'LAMBDA', parameters, returns })

/** Gives null where any argument is null. */
export function strict (run: Implementation): Implementation {
  switch (run.length) {
    case 1: return (a: Argument) => a === null ? null : run(a)
    case 2: return (a: Argument, b: Argument) => a === null || b === null ? null : run(a, b)
    case 3: return (a: Argument, b: Argument, c: Argument) => a === null || b === null || c === null ? null : run(a, b, c)
    default: return (...args: Argument[]) => args.includes(null) ? null : run(...args)
  }
}

/** A signature whose implementation needs no types. */
export function signature (parameters: readonly ParameterDescription[], returns: Returns, run: Implementation, description = ''): ScalarSignature {
  return { parameters, returns, description, implement: () => run }
}

/** The same where the parameter at `index` may repeat, or be left out. */
export function variadic (index: number, parameters: readonly ParameterDescription[], returns: Returns, run: Implementation): ScalarSignature {
  return { parameters, variadicIndex: index, returns, description: '', implement: () => run }
}

/** A signature whose return type is a rule, with what DESCRIBE FUNCTION prints for it. */
export function describedAs<S extends ScalarSignature | AggregateSignature | TableFunctionSignature> (describedReturns: ParameterType, of: S): S {
  return { ...of, describedReturns }
}

export const CONFLUENT = 'Confluent'
const NO_AUTHOR = ''

/** `author` is what DESCRIBE FUNCTION prints for the function of this name, which existing tools compare. */
export function scalar (name: string, category: Category, description: string, signatures: readonly ScalarSignature[], author = CONFLUENT): ScalarFunction {
  return { kind: 'SCALAR', name, author, category, description, path: 'internal', signatures }
}

/** For the functions whose author ksqlDB leaves empty. */
export function anonymous (name: string, category: Category, description: string, signatures: readonly ScalarSignature[]): ScalarFunction {
  return scalar(name, category, description, signatures, NO_AUTHOR)
}

export function table (name: string, description: string, signatures: readonly TableFunctionSignature[]): TableFunction {
  return { kind: 'TABLE', name, author: CONFLUENT, category: 'TABLE', description, path: 'internal', signatures }
}

export function aggregate (name: string, description: string, signatures: readonly AggregateSignature[], author = CONFLUENT): AggregateFunction {
  return { kind: 'AGGREGATE', name, author, category: 'AGGREGATE', description, path: 'internal', signatures }
}
