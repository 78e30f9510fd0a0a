// Type variables of function signatures: matching them against argument types and filling them in (ksqlDB's GenericsUtil).
import type { SqlType } from '../sql/sql-type.js'
import { array, map, sqlTypeEquals } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import type { ArgumentType, ParameterType } from './function.js'

/** An argument as first seen: a lambda is only known by how many parameters it has. */
export type CallArgument = ArgumentType | { readonly base: 'UNTYPED_LAMBDA', readonly inputs: number }

export type Bindings = Map<string, SqlType>

export function hasGenerics (type: ParameterType): boolean {
  switch (type.base) {
    case 'GENERIC': return true
    case 'ARRAY_OF': return hasGenerics(type.items)
    case 'MAP_OF': return hasGenerics(type.keys) || hasGenerics(type.values)
    case 'LAMBDA': return type.parameters.some(hasGenerics) || hasGenerics(type.returns)
    default: return false
  }
}

/** Binds the variables of `parameter` to what `argument` has in their places; false where shapes or earlier bindings disagree. */
export function bindGenerics (parameter: ParameterType, argument: CallArgument, bindings: Bindings): boolean {
  if (argument === undefined) return true
  switch (parameter.base) {
    case 'GENERIC': {
      if (argument.base === 'LAMBDA' || argument.base === 'UNTYPED_LAMBDA' || argument.base === 'INTERVAL_UNIT') return false
      const bound = bindings.get(parameter.name)
      if (bound === undefined) {
        bindings.set(parameter.name, argument)
        return true
      }
      return sqlTypeEquals(bound, argument)
    }
    case 'ARRAY_OF': return argument.base === 'ARRAY' && bindGenerics(parameter.items, argument.items, bindings)
    case 'MAP_OF':
      return argument.base === 'MAP' && bindGenerics(parameter.keys, argument.keys, bindings) && bindGenerics(parameter.values, argument.values, bindings)
    case 'LAMBDA':
      if (argument.base === 'UNTYPED_LAMBDA') return argument.inputs === parameter.parameters.length
      return argument.base === 'LAMBDA' && argument.parameters.length === parameter.parameters.length &&
        parameter.parameters.every((p, i) => bindGenerics(p, argument.parameters[i], bindings)) && bindGenerics(parameter.returns, argument.returns, bindings)
    case 'ANY': return true
    case 'ANY_DECIMAL': return argument.base === 'DECIMAL'
    case 'ANY_STRUCT': return argument.base === 'STRUCT'
    default: return argument.base === parameter.base
  }
}

/** The SQL type that a shape stands for once its variables are bound. Throws KsqlError. */
export function applyBindings (type: ParameterType, bindings: Bindings): SqlType {
  switch (type.base) {
    case 'GENERIC': {
      const bound = bindings.get(type.name)
      if (bound === undefined) throw new KsqlError(`Could not find mapping for generic type: ${type.name}`)
      return bound
    }
    case 'ARRAY_OF': return array(applyBindings(type.items, bindings))
    case 'MAP_OF': return map(applyBindings(type.keys, bindings), applyBindings(type.values, bindings))
    case 'LAMBDA': return applyBindings(type.returns, bindings)
    case 'ANY':
    case 'ANY_DECIMAL':
    case 'ANY_STRUCT':
    case 'INTERVAL_UNIT': throw new KsqlError(`Cannot determine a type for ${printParameterType(type)}`)
    default: return type
  }
}

const NAMES: Readonly<Record<string, string>> = { INTEGER: 'INT', STRING: 'VARCHAR', ANY_DECIMAL: 'DECIMAL', ANY_STRUCT: 'STRUCT', INTERVAL_UNIT: 'INTERVAL UNIT' }

/** As ksqlDB prints a parameter's type in DESCRIBE FUNCTION and in messages: `INT`, `ARRAY<T>`, `LAMBDA (T) => BOOLEAN`. */
export function printParameterType (type: ParameterType): string {
  switch (type.base) {
    case 'GENERIC': return type.name
    case 'ARRAY_OF': return `ARRAY<${printParameterType(type.items)}>`
    case 'MAP_OF': return `MAP<${printParameterType(type.keys)}, ${printParameterType(type.values)}>`
    case 'ARRAY': return `ARRAY<${printParameterType(type.items)}>`
    case 'MAP': return `MAP<${printParameterType(type.keys)}, ${printParameterType(type.values)}>`
    case 'STRUCT': return `STRUCT<${type.fields.map(f => `${f.name} ${printParameterType(f.type)}`).join(', ')}>`
    case 'LAMBDA': return `LAMBDA (${type.parameters.map(printParameterType).join(', ')}) => ${printParameterType(type.returns)}`
    default: return NAMES[type.base] ?? type.base
  }
}
