// The library against what ksqlDB itself says of its functions: SHOW FUNCTIONS and the DESCRIBE FUNCTION of each, as recorded.
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { BuiltInFunction, ParameterType } from '../../../../../embedded/ksqldb/plan/function.js'
import { builtInFunctions } from '../../../../../embedded/ksqldb/plan/functions/index.js'
import { printParameterType } from '../../../../../embedded/ksqldb/plan/generics.js'

const recorded = new URL('../../../../../../shared/transcripts/ksqldb-7.9.jsonl', import.meta.url)

interface DescribedSignature {
  readonly returnType: string
  readonly arguments: ReadonlyArray<{ readonly name: string, readonly type: string, readonly isVariadic: boolean }>
}

interface Described {
  readonly name: string
  readonly author: string
  readonly path: string
  readonly type: string
  readonly functions: readonly DescribedSignature[]
}

function answers (statement: RegExp): any[] {
  return readFileSync(recorded, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line))
    .filter(({ request }) => statement.test(request.body?.ksql ?? ''))
    .map(({ response }) => JSON.parse(response.body)[0])
}

function described (f: BuiltInFunction): string[] {
  return f.signatures.map(signature => {
    const parameters = signature.parameters.map((p, i) => `${p.name} ${printParameterType(p.type)}${signature.variadicIndex === i ? '...' : ''}`)
    const returns = typeof signature.returns === 'function' ? signature.describedReturns as ParameterType : signature.returns
    return `(${parameters.join('; ')}) ${printParameterType(returns)}`
  }).sort()
}

t.test('every function has a description of its own and a signature', async t => {
  for (const f of builtInFunctions) {
    t.match(f.description, /\w+.*\.$/, f.name)
    t.ok(f.signatures.length > 0, f.name)
  }
  t.equal(new Set(builtInFunctions.map(f => f.name)).size, builtInFunctions.length, 'names are distinct')
})

t.test('names, categories and kinds are those of SHOW FUNCTIONS', { skip: existsSync(recorded) ? false : 'the recorded answers are not here' }, async t => {
  const [listing] = answers(/^SHOW FUNCTIONS;/)
  const line = (f: { name: string, category: string, kind?: string, type?: string }): string => `${f.name} ${f.category} ${f.kind ?? f.type}`
  t.strictSame(builtInFunctions.map(line).sort(), listing.functions.map(line).sort())
})

t.test('signatures are those of DESCRIBE FUNCTION', { skip: existsSync(recorded) ? false : 'the recorded answers are not here' }, async t => {
  const library = new Map(builtInFunctions.map(f => [f.name, f]))
  const descriptions = answers(/^DESCRIBE FUNCTION /).filter(answer => answer?.['@type'] === 'describe_function') as Described[]
  t.ok(descriptions.length >= 149)
  for (const description of descriptions) {
    const f = library.get(description.name)
    if (f === undefined) {
      t.fail(`${description.name} is missing`)
      continue
    }
    t.equal(f.author, description.author, `${f.name}: author`)
    t.equal(f.kind, description.type)
    t.equal(f.path, description.path)
    const wanted = description.functions.map(signature => `(${signature.arguments.map(a => `${a.name} ${a.type}${a.isVariadic ? '...' : ''}`).join('; ')}) ${signature.returnType}`)
    t.strictSame(described(f), wanted.sort(), `${f.name}: signatures`)
  }
})
