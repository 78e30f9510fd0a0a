// Parsing, printing and compatibility give what Apache Avro 1.11.4 for Java gave: fixtures/avro-1.11.4.jsonl holds its answers
// (Schema.Parser, Schema.toString, SchemaCompatibility) to schemas good and bad, some of them made at random.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { incompatibilities } from '../../../../embedded/registry/avro/compatibility.js'
import { parseAvro } from '../../../../embedded/registry/avro/parse.js'
import { printAvro } from '../../../../embedded/registry/avro/print.js'

interface Case {
  readonly schema?: string
  readonly references?: string[]
  readonly validateDefaults?: boolean
  readonly text?: string
  readonly reader?: string
  readonly writer?: string
  readonly incompatibilities?: unknown[]
  readonly error?: string
}

const cases = readFileSync(new URL('../fixtures/avro-1.11.4.jsonl', import.meta.url), 'utf8').trim().split('\n').map(line => JSON.parse(line) as Case)

function answer (one: Case): object {
  try {
    if (one.schema === undefined) return { incompatibilities: incompatibilities(parseAvro(one.reader ?? '').schema, parseAvro(one.writer ?? '').schema) }
    const parsed = parseAvro(one.schema, { references: one.references ?? [], validateDefaults: one.validateDefaults ?? true })
    return { text: printAvro(parsed.schema, { known: parsed.references }) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

t.ok(cases.length > 300, 'the recorded answers are there')
for (const [index, one] of cases.entries()) {
  const { text, incompatibilities: found, error } = one
  const expected = error !== undefined ? { error } : text !== undefined ? { text } : { incompatibilities: found }
  t.strictSame(answer(one), expected, `line ${index + 1}`)
}
