// Normal forms are those of Schema Registry: fixtures/normalized.jsonl holds what its AvroSchemaUtils.toNormalizedString made of each schema,
// parsed and printed again by Apache Avro 1.11.4 as the registry does. A normal form is its own normal form.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { normalizeAvro } from '../../../../embedded/registry/avro/normalize.js'
import { parseAvro } from '../../../../embedded/registry/avro/parse.js'

const lines = readFileSync(new URL('../fixtures/normalized.jsonl', import.meta.url), 'utf8').trim().split('\n')
t.ok(lines.length > 50, 'the recorded forms are there')
for (const [index, line] of lines.entries()) {
  const { schema, normal } = JSON.parse(line) as { schema: string, normal: string }
  const found = normalizeAvro(parseAvro(schema).schema)
  t.equal(found, normal, `line ${index + 1}`)
  t.equal(normalizeAvro(parseAvro(found).schema), normal, `line ${index + 1} again`)
}
