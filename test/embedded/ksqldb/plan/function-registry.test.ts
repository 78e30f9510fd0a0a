// Resolution of overloads: exact before cast, fixed before variadic, and the two ways to fail.
import t from 'tap'
import { BIGINT, DOUBLE, INTEGER, STRING, array, decimal } from '../../../../embedded/ksqldb/sql/sql-type.js'
import type { ParameterType, ScalarFunction } from '../../../../embedded/ksqldb/plan/function.js'
import { FunctionRegistry } from '../../../../embedded/ksqldb/plan/function-registry.js'
import type { CallArgument } from '../../../../embedded/ksqldb/plan/generics.js'
import { messageOf } from './support.js'

const T: ParameterType = { base: 'GENERIC', name: 'T' }

function overloads (...signatures: Array<{ types: ParameterType[], variadic?: number, tag: string }>): ScalarFunction {
  return {
    kind: 'SCALAR', name: 'PICK', author: '', category: 'OTHER', description: '', path: 'internal',
    signatures: signatures.map(({ types, variadic, tag }) => ({
      parameters: types.map((type, i) => ({ name: `p${i}`, type, description: '' })),
      ...(variadic === undefined ? {} : { variadicIndex: variadic }),
      description: tag, returns: STRING, implement: () => () => tag
    }))
  }
}

function pick (f: ScalarFunction, ...args: CallArgument[]): string {
  return new FunctionRegistry([f]).resolve(f, args).signature.description
}

t.test('an exact type comes before a cast, a cast before nothing', async t => {
  const f = overloads({ types: [INTEGER], tag: 'int' }, { types: [DOUBLE], tag: 'double' })
  t.equal(pick(f, INTEGER), 'int')
  t.equal(pick(f, BIGINT), 'double')
  t.equal(pick(overloads({ types: [{ base: 'ANY_DECIMAL' }], tag: 'decimal' }), decimal(3, 1)), 'decimal')
})

t.test('a fixed signature comes before a variadic one, the longer before the shorter', async t => {
  const f = overloads({ types: [STRING, STRING], variadic: 1, tag: 'many' }, { types: [STRING, STRING], tag: 'two' }, { types: [STRING], variadic: 0, tag: 'any' })
  t.equal(pick(f, STRING, STRING), 'two')
  t.equal(pick(f, STRING, STRING, STRING), 'many')
  t.equal(pick(f), 'any')
})

t.test('the repeated parameter may stand in the middle', async t => {
  const f = overloads({ types: [INTEGER, STRING, DOUBLE], variadic: 1, tag: 'middle' })
  t.equal(pick(f, INTEGER, DOUBLE), 'middle')
  t.equal(pick(f, INTEGER, STRING, STRING, DOUBLE), 'middle')
  t.match(messageOf(() => pick(f, INTEGER, INTEGER, DOUBLE)), /does not accept parameters \(INTEGER, INTEGER, DOUBLE\)/)
})

t.test('type variables bind once', async t => {
  const f = overloads({ types: [{ base: 'ARRAY_OF', items: T }, T], tag: 'generic' })
  t.equal(pick(f, array(STRING), STRING), 'generic')
  t.not(messageOf(() => pick(f, array(STRING), INTEGER)), '')
  t.equal(pick(f, array(STRING), undefined), 'generic')
})

t.test('messages list the alternatives as declared', async t => {
  const f = overloads({ types: [INTEGER], tag: 'int' }, { types: [STRING, { base: 'ARRAY_OF', items: T }], variadic: 1, tag: 'rest' })
  t.equal(messageOf(() => pick(f, array(BIGINT))), "Function 'pick' does not accept parameters (ARRAY<BIGINT>).\nValid alternatives are:\n" +
    'pick(INT p0)\npick(VARCHAR p0, ARRAY<T>... p1)\nFor detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;')
  const ambiguous = overloads({ types: [INTEGER], tag: 'a' }, { types: [STRING], tag: 'b' })
  t.match(messageOf(() => pick(ambiguous, undefined)), /cannot be resolved due to ambiguous method parameters \(null\)\.\nUse CAST\(\)/)
})
