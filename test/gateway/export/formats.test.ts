// An export's text: CSV that no spreadsheet runs and that reads back as it was, NDJSON, and rows made no sooner than they are asked for.
import { Readable } from 'node:stream'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import t from 'tap'
import { ownMapping } from '../../../gateway/cli/own-rows.js'
import { csvRows } from '../../../gateway/cli/rows.js'
import { textOf, type ExportRow } from '../../../gateway/export/formats.js'

const columns = ['slug', 'url', 'title', 'tags', 'maxVisits', 'forwardQuery', 'rules', 'createdAt']

async function * of (rows: readonly ExportRow[]): AsyncGenerator<ExportRow> { yield * rows }
const whole = async (pieces: AsyncIterable<string>): Promise<string> => {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

/** Words as a link can have them, with what CSV, lists and spreadsheets take for something else; none begins or ends with a blank. */
const unit = fc.constantFrom('=', '+', '-', '@', "'", '"', ',', ';', '\\', '\n', ' ', '|', 'a', 'é', '😀', '0', '＝')
const word = fc.string({ unit, minLength: 1, maxLength: 8 }).map(text => text.trim()).filter(text => text !== '')

t.test('a link in CSV is the same link again, whatever its words', async t => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.record({ title: fc.option(word), tags: fc.uniqueArray(word, { maxLength: 4 }) }), { maxLength: 5 }),
    async some => {
      const rows = some.map((link, n) => ({
        slug: `s${n}`, url: 'https://a.example/?q="1,2"', ...link, maxVisits: n === 0 ? null : n, forwardQuery: n % 2 === 0,
        rules: [{ url: 'https://b.example/', conditions: [] }], createdAt: '2026-01-01T00:00:00.000Z'
      }))
      const text = await whole(textOf(of(rows), 'csv', columns))
      for (const row of parse(text) as string[][]) for (const cell of row) if (/^[=+\-@\t\r\n＝＋－＠]/.test(cell)) throw new Error(`a cell begins as a formula: ${cell}`)
      const read = []
      for await (const { commands, problem } of csvRows(Readable.from([text]), ownMapping(0))) read.push(problem ?? commands?.[0])
      const expected = rows.map(({ title, tags, maxVisits, createdAt, ...row }) => ({
        ...row, ...(title !== null && { title }), ...(tags.length > 0 && { tags }), ...(maxVisits !== null && { maxVisits }),
        reason: `Imported from an export, where it was made at ${createdAt}`
      }))
      if (JSON.stringify(read.map(sorted)) !== JSON.stringify(expected.map(sorted))) throw new Error(`${JSON.stringify(read)}\n${JSON.stringify(expected)}`)
    }
  ), { numRuns: 300 })
  t.pass()
})

const sorted = (value: unknown) => Object.entries(value as object).sort(([a], [b]) => a < b ? -1 : 1)

t.test('of no rows CSV has the header, NDJSON nothing', async t => {
  t.equal(await whole(textOf(of([]), 'csv', ['a', 'b'])), 'a,b\r\n')
  t.equal(await whole(textOf(of([]), 'ndjson', ['a', 'b'])), '')
})

t.test('rows are taken as they are needed, and an error of theirs is the text\'s', async t => {
  for (const format of ['csv', 'ndjson'] as const) {
    let taken = 0
    const rows = async function * () {
      for (; taken < 100_000; taken++) yield { a: 'x'.repeat(100) }
    }
    const pieces = textOf(rows(), format, ['a'])
    await pieces.next()
    t.ok(taken < 2_000, `${taken} rows for one piece`)
    await pieces.return(undefined)
    const broken = async function * (): AsyncGenerator<ExportRow> {
      yield { a: 1 }
      throw new Error('the table is gone')
    }
    await t.rejects(whole(textOf(broken(), format, ['a'])), /the table is gone/)
  }
})
