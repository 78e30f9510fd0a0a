// Lines of a streamed body, wherever the chunks are cut.
import t from 'tap'
import { bodyLines } from '../../../gateway/bulk/lines.js'

const chunks = async function * (body: Buffer, size: number) {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

t.test('cut anywhere, LF and CRLF, blank lines, no line end at the end', async t => {
  const body = Buffer.from('{"a":1}\r\n\n  \n{"b":"ü€😀"}\nlast')
  for (let size = 1; size <= body.length; size++) {
    const lines = []
    for await (const { line, text } of bodyLines(chunks(body, size), 100)) lines.push([line, text])
    t.strictSame(lines, [[1, '{"a":1}'], [4, '{"b":"ü€😀"}'], [5, 'last']], `${size} bytes a chunk`)
  }
})

t.test('a line that is too long, or no UTF-8, is told, and the next is read', async t => {
  const body = Buffer.concat([Buffer.from(`${'x'.repeat(11)}\n`), Buffer.from([0xff, 0x0a]), Buffer.from(`${'y'.repeat(10)}\n`)])
  for (const size of [1, 3, 100]) {
    const lines = []
    for await (const { line, text, problem } of bodyLines(chunks(body, size), 10)) lines.push([line, text, problem])
    t.strictSame(lines, [[1, undefined, 'too_long'], [2, undefined, 'not_utf8'], [3, 'yyyyyyyyyy', undefined]])
  }
  const none = []
  for await (const line of bodyLines(chunks(Buffer.alloc(0), 1), 10)) none.push(line)
  t.strictSame(none, [])
})
