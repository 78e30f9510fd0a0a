// The shipped schemas and statements: readable by the tools they are written for, and each saying who reads it.
import avro from 'avsc'
import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { parseStatements } from '../../embedded/ksqldb/sql/parser.js'
import { readMigrations } from '../../gateway/migrations/files.js'
import { splitStatements } from '../../gateway/migrations/statements.js'

const at = (name: string) => new URL(`../../${name}`, import.meta.url).pathname

t.test('every file is a migration, numbered without a gap, and says which route reads what it makes', async t => {
  const migrations = await readMigrations(at('ksql'))
  t.strictSame(migrations.map(({ version }) => version), migrations.map((_, index) => index + 1))
  t.equal((await readdir(at('ksql'))).length, migrations.length)
  for (const { file, text } of migrations) t.match(text, /^-- [\s\S]*?(?:GET|POST|PATCH) \//, file)
})

t.test('each file makes one stream or table, after dropping what stands in its way; it can be run again, and parses', async t => {
  for (const { file, text } of await readMigrations(at('ksql'))) {
    const statements = splitStatements(text, file).flatMap(one => one.kind === 'statement' ? [one.text] : [])
    const made = statements.pop() ?? ''
    for (const statement of statements) t.match(statement, /^DROP (?:STREAM|TABLE) IF EXISTS \w+;$/, `${file}: no topic is deleted`)
    t.match(made, /^CREATE (?:(?:STREAM|TABLE) IF NOT EXISTS|OR REPLACE STREAM) /, file)
    t.match(made, /KAFKA_TOPIC = '[a-z-]+', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO'/, file)
    for (const statement of [...statements, made]) t.equal(parseStatements(statement).length, 1, file)
  }
})

t.test('what is made from a log begins at its beginning', async t => {
  for (const { file, text } of await readMigrations(at('ksql'))) {
    if (/\bAS\s+SELECT\b/.test(text)) t.match(text, /^SET 'auto\.offset\.reset' = 'earliest';$/m, file)
  }
})

t.test('every field of an event is described, and a field that was added has a default', async t => {
  const walk = (schema: any, path: string, check: (field: any, path: string) => void): void => {
    if (Array.isArray(schema)) schema.forEach(branch => walk(branch, path, check))
    else if (schema?.type === 'array') walk(schema.items, `${path}[]`, check)
    else if (schema?.type === 'record') {
      for (const field of schema.fields) {
        check(field, `${path}.${field.name}`)
        walk(field.type, `${path}.${field.name}`, check)
      }
    } else if (typeof schema?.type === 'object') walk(schema.type, path, check)
  }
  for (const file of await readdir(at('schemas'))) {
    const text = await readFile(`${at('schemas')}/${file}`, 'utf8')
    t.ok(avro.Type.forSchema(JSON.parse(text)), file)
    walk(JSON.parse(text), file, (field, path) => t.ok(field.doc?.length > 5, `${path} has a doc`))
  }
})
