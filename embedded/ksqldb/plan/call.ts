// A function call with its types settled: which signature, what each argument is cast to, what lambdas take and give, what comes out.
import type { Expression } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { BIGINT, array, map, printSqlType } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import type { ArgumentType, BuiltInFunction, ParameterType } from './function.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Bindings, CallArgument } from './generics.js'
import { applyBindings, bindGenerics, hasGenerics, printParameterType } from './generics.js'
import { toDecimalType } from './type-rules.js'

export type FunctionCall = Extract<Expression, { node: 'FunctionCall' }>
type LambdaCall = Extract<Expression, { node: 'LambdaFunctionCall' }>
export type LambdaTypes = ReadonlyMap<string, SqlType | undefined>
export type TypeIn = (expression: Expression, lambdas: LambdaTypes) => SqlType | undefined

export interface TypedCall {
  readonly function: BuiltInFunction
  readonly signature: BuiltInFunction['signatures'][number]
  /** As the function gets them, after implicit casts. */
  readonly types: readonly ArgumentType[]
  /** Where an argument is a lambda: the types of the variables that its body sees. */
  readonly lambdas: ReadonlyArray<LambdaTypes | undefined>
  readonly returns: SqlType
}

function bareType (parameter: ParameterType): SqlType | undefined {
  switch (parameter.base) {
    case 'ARRAY_OF': {
      const items = bareType(parameter.items)
      return items === undefined ? undefined : array(items)
    }
    case 'MAP_OF': {
      const keys = bareType(parameter.keys)
      const values = bareType(parameter.values)
      return keys === undefined || values === undefined ? undefined : map(keys, values)
    }
    case 'ANY':
    case 'ANY_DECIMAL':
    case 'ANY_STRUCT':
    case 'GENERIC':
    case 'LAMBDA':
    case 'INTERVAL_UNIT':
    case 'STRUCT': return undefined
    case 'DECIMAL': return undefined
    default: return parameter
  }
}

/** The type to which an argument is cast for a parameter: its own where the parameter leaves it open. */
function castTarget (argument: SqlType, parameter: ParameterType): SqlType {
  if (parameter.base === 'ANY_DECIMAL' || parameter.base === 'DECIMAL') return toDecimalType(argument)
  return hasGenerics(parameter) ? argument : bareType(parameter) ?? argument
}

function lambdaScope (lambda: LambdaCall, parameter: ParameterType, bindings: Bindings, outer: LambdaTypes): { inputs: SqlType[], scope: LambdaTypes } {
  if (parameter.base !== 'LAMBDA') throw new KsqlError(`Error while processing lambda function. Expected lambda parameter but was ${printParameterType(parameter)}`)
  const inputs = parameter.parameters.map(p => {
    if (p.base === 'GENERIC' && !bindings.has(p.name)) {
      const known = [...bindings].map(([name, type]) => `${name}=${printSqlType(type)}`).join(', ')
      throw new KsqlError(`Could not resolve type for generic ${p.name}. The generic mapping so far: {${known}}`)
    }
    return applyBindings(p, bindings)
  })
  const scope = new Map(outer)
  lambda.parameters.forEach((name, i) => scope.set(name, inputs[i]))
  return { inputs, scope }
}

function firstLook (argument: Expression, typeIn: TypeIn, lambdas: LambdaTypes): CallArgument {
  if (argument.node === 'LambdaFunctionCall') return { base: 'UNTYPED_LAMBDA', inputs: argument.parameters.length }
  if (argument.node === 'IntervalUnit') return { base: 'INTERVAL_UNIT' }
  return typeIn(argument, lambdas)
}

/** Types a call. Throws KsqlError: no such function, no signature that fits. */
export function typeCall (call: FunctionCall, registry: FunctionRegistry, typeIn: TypeIn, lambdas: LambdaTypes): TypedCall {
  const found = registry.require(call.name)
  const looks = call.arguments.map(argument => firstLook(argument, typeIn, lambdas))
  // A call without arguments of an aggregate (COUNT(*)) stands for one over ROWTIME.
  const { signature, parameters } = registry.resolve(found, looks.length === 0 && found.kind !== 'SCALAR' ? [BIGINT] : looks)
  const bindings: Bindings = new Map()
  const types: ArgumentType[] = []
  const scopes: Array<LambdaTypes | undefined> = []
  call.arguments.forEach((argument, i) => {
    const parameter = parameters[i] as ParameterType
    const look = looks[i]
    let type: ArgumentType
    let scope: LambdaTypes | undefined
    if (argument.node === 'LambdaFunctionCall') {
      const lambda = lambdaScope(argument, parameter, bindings, lambdas)
      scope = lambda.scope
      const returns = typeIn(argument.body, scope)
      if (returns === undefined) throw new KsqlError('A lambda must not give NULL only: cast it to the desired type.')
      type = { base: 'LAMBDA', parameters: lambda.inputs, returns }
    } else {
      type = look === undefined || look.base === 'LAMBDA' || look.base === 'UNTYPED_LAMBDA' || look.base === 'INTERVAL_UNIT' ? look as ArgumentType : castTarget(look, parameter)
    }
    if (hasGenerics(parameter) && !bindGenerics(parameter, type, bindings)) {
      throw new KsqlError(`Cannot infer generics for ${printParameterType(parameter)} because they do not have the same schema structure.`)
    }
    types.push(type)
    scopes.push(scope)
  })
  const returns = typeof signature.returns === 'function' ? signature.returns(types) : applyBindings(signature.returns, bindings)
  return { function: found, signature, types, lambdas: scopes, returns }
}
