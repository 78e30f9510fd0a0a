// Finds the function and the signature that a call means, by the rules of ksqlDB's UdfIndex.
import { KsqlError } from './error.js'
import type { BuiltInFunction, ParameterDescription, ParameterType } from './function.js'
import type { Bindings, CallArgument } from './generics.js'
import { bindGenerics, hasGenerics, printParameterType } from './generics.js'
import { canImplicitlyCast, printTypeUnquoted } from './type-rules.js'

type AnySignature = BuiltInFunction['signatures'][number]

/** The parameter that an argument goes to, or undefined where the count does not fit. */
function spread (signature: AnySignature, count: number): ParameterType[] | undefined {
  const types = signature.parameters.map(p => p.type)
  const variadic = signature.variadicIndex
  if (variadic === undefined) return types.length === count ? types : undefined
  const repeated = count - (types.length - 1)
  const type = types[variadic]
  if (repeated < 0 || type === undefined) return undefined
  return [...types.slice(0, variadic), ...new Array<ParameterType>(repeated).fill(type), ...types.slice(variadic + 1)]
}

function isCompatible (argument: CallArgument, declared: ParameterType, casts: boolean): boolean {
  if (argument === undefined || declared.base === 'ANY') return true
  if (argument.base === 'LAMBDA' || argument.base === 'UNTYPED_LAMBDA') {
    const inputs = argument.base === 'LAMBDA' ? argument.parameters.length : argument.inputs
    return declared.base === 'LAMBDA' && declared.parameters.length === inputs
  }
  if (argument.base === 'INTERVAL_UNIT' || declared.base === 'INTERVAL_UNIT') return argument.base === declared.base
  switch (declared.base) {
    case 'LAMBDA':
    case 'GENERIC': return false
    case 'ARRAY':
    case 'ARRAY_OF': return argument.base === 'ARRAY' && isCompatible(argument.items, declared.items, casts)
    case 'MAP':
    case 'MAP_OF': return argument.base === 'MAP' && isCompatible(argument.keys, declared.keys, casts) && isCompatible(argument.values, declared.values, casts)
    case 'ANY_STRUCT': return argument.base === 'STRUCT'
    case 'STRUCT':
      return argument.base === 'STRUCT' && (argument.fields.length === 0 || declared.fields.length === 0 || (argument.fields.length === declared.fields.length &&
        declared.fields.every(f => argument.fields.some(a => a.name === f.name && isCompatible(a.type, f.type, false)))))
    case 'ANY_DECIMAL': return argument.base === 'DECIMAL' || (casts && canImplicitlyCast(argument.base, 'DECIMAL'))
    default: return argument.base === declared.base || (casts && canImplicitlyCast(argument.base, declared.base))
  }
}

/** Arguments are taken in pairs from both ends, as UdfIndex does: it decides which binds a type variable first. */
function accepts (types: readonly ParameterType[], args: readonly CallArgument[], casts: boolean): boolean {
  const bindings: Bindings = new Map()
  for (let left = 0, right = args.length - 1; left <= right; left++, right--) {
    for (const i of left === right ? [left] : [left, right]) {
      const type = types[i] as ParameterType
      if (hasGenerics(type) ? !bindGenerics(type, args[i], bindings) : !isCompatible(args[i], type, casts)) return false
    }
  }
  return true
}

function rank (signature: AnySignature): readonly number[] {
  const variadic = signature.variadicIndex
  const anyVariadic = variadic !== undefined && signature.parameters[variadic]?.type.base === 'ANY'
  const generics = signature.parameters.filter(p => hasGenerics(p.type)).length + (anyVariadic ? 1 : 0)
  return [variadic === undefined ? 1 : 0, signature.parameters.length, -generics, anyVariadic ? 0 : 1, variadic ?? -1]
}

function compareRanks (a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return 0
}

function printArgument (argument: CallArgument): string {
  if (argument === undefined) return 'null'
  switch (argument.base) {
    case 'UNTYPED_LAMBDA':
    case 'LAMBDA': return 'LAMBDA'
    case 'INTERVAL_UNIT': return 'INTERVAL'
    default: return printTypeUnquoted(argument)
  }
}

function printParameter (parameter: ParameterDescription, isVariadic: boolean): string {
  return `${printParameterType(parameter.type)}${isVariadic ? '...' : ''}${parameter.name === '' ? '' : ` ${parameter.name}`}`
}

const HINT = 'For detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;'

/** Resolved: the signature and, for each argument, the parameter type that it meets. */
export interface ResolvedCall<S extends AnySignature> {
  readonly signature: S
  readonly parameters: readonly ParameterType[]
}

/** The functions that statements may call, by name in any case. */
export class FunctionRegistry {
  readonly #functions = new Map<string, BuiltInFunction>()

  constructor (functions: Iterable<BuiltInFunction>) {
    for (const f of functions) this.#functions.set(f.name.toUpperCase(), f)
  }

  /** undefined where there is no such function. */
  get (name: string): BuiltInFunction | undefined {
    return this.#functions.get(name.toUpperCase())
  }

  /** Throws KsqlError. */
  require (name: string): BuiltInFunction {
    const found = this.get(name)
    if (found === undefined) throw new KsqlError(`Can't find any functions with the name '${name}'`)
    return found
  }

  isAggregate (name: string): boolean {
    return this.get(name)?.kind === 'AGGREGATE'
  }

  isTableFunction (name: string): boolean {
    return this.get(name)?.kind === 'TABLE'
  }

  /** All of them, by name. */
  list (): readonly BuiltInFunction[] {
    return [...this.#functions.values()].sort((a, b) => a.name < b.name ? -1 : 1)
  }

  /** The one signature of `f` that takes the arguments, without casts if it can be. Throws KsqlError: none, or several as good. */
  resolve<F extends BuiltInFunction> (f: F, args: readonly CallArgument[]): ResolvedCall<F['signatures'][number]> {
    const found = this.#best(f, args, false) ?? (f.kind === 'AGGREGATE' ? undefined : this.#best(f, args, true))
    if (found === undefined) {
      throw new KsqlError(`Function '${displayName(f)}' does not accept parameters (${args.map(printArgument).join(', ')}).\n` +
        `Valid alternatives are:\n${this.#alternatives(f)}\n${HINT}`)
    }
    return found
  }

  #best<F extends BuiltInFunction> (f: F, args: readonly CallArgument[], casts: boolean): ResolvedCall<F['signatures'][number]> | undefined {
    let best: ResolvedCall<F['signatures'][number]> | undefined
    let bestRank: readonly number[] = []
    let tie = false
    for (const signature of f.signatures) {
      const parameters = spread(signature, args.length)
      if (parameters === undefined || !accepts(parameters, args, casts)) continue
      const signatureRank = rank(signature)
      const order = best === undefined ? 1 : compareRanks(signatureRank, bestRank)
      if (order > 0) {
        best = { signature, parameters }
        bestRank = signatureRank
        tie = false
      } else if (order === 0) {
        tie = true
      }
    }
    if (tie) {
      throw new KsqlError(`Function '${displayName(f)}' cannot be resolved due to ambiguous method parameters (${args.map(printArgument).join(', ')}).\n` +
        `Use CAST() to explicitly cast your parameters to one of the supported function calls.\nValid function calls are:\n${this.#alternatives(f)}\n${HINT}`)
    }
    return best
  }

  #alternatives (f: BuiltInFunction): string {
    return f.signatures.map(s => `${displayName(f)}(${s.parameters.map((p, i) => printParameter(p, i === s.variadicIndex)).join(', ')})`).join('\n')
  }
}

// ksqlDB declares most functions in lower case, and messages print the declared name; these are the others.
const UPPER_CASE = new Set(['ARRAY_CONTAINS', 'ARRAY_JOIN', 'ARRAY_LENGTH', 'AS_MAP', 'AS_VALUE', 'ATTR', 'COALESCE', 'COUNT', 'COUNT_DISTINCT', 'EARLIEST_BY_OFFSET',
  'ENTRIES', 'GENERATE_SERIES', 'IFNULL', 'IS_JSON_STRING', 'JSON_ARRAY_CONTAINS', 'JSON_ARRAY_LENGTH', 'JSON_CONCAT', 'JSON_ITEMS', 'JSON_KEYS', 'JSON_RECORDS',
  'LATEST_BY_OFFSET', 'MAX', 'MIN', 'NULLIF', 'STDDEV_SAMP', 'STDDEV_SAMPLE', 'SUM', 'TOPK', 'TOPKDISTINCT', 'TO_JSON_STRING', 'UUID'])
const MIXED_CASE: Readonly<Record<string, string>> = { ABS: 'Abs', CEIL: 'Ceil', CHR: 'Chr', FLOOR: 'Floor', LPAD: 'LPad', RPAD: 'RPad', ROUND: 'Round' }

function displayName (f: BuiltInFunction): string {
  return MIXED_CASE[f.name] ?? (UPPER_CASE.has(f.name) ? f.name : f.name.toLowerCase())
}
