// The lines of a streamed body, one at a time: nothing is read from the client before it is asked for.

export interface BodyLine {
  /** From 1. */
  readonly line: number
  readonly bytes: number
  /** Undefined where the line is too long or no UTF-8; `problem` says which. */
  readonly text: string | undefined
  readonly problem?: 'too_long' | 'not_utf8'
}

const newline = 0x0a
const utf8 = new TextDecoder('utf-8', { fatal: true })

const toLine = (line: number, held: readonly Buffer[], bytes: number, bytesMax: number): BodyLine => {
  if (bytes > bytesMax) return { line, bytes, text: undefined, problem: 'too_long' }
  try {
    return { line, bytes, text: utf8.decode(held.length === 1 ? held[0] : Buffer.concat(held)).trim() }
  } catch {
    return { line, bytes, text: undefined, problem: 'not_utf8' }
  }
}

/** Lines by LF or CRLF, blank ones passed over but counted. Of a line longer than `bytesMax` nothing is kept. */
export async function * bodyLines (chunks: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<BodyLine> {
  let held: Buffer[] = []
  let bytes = 0
  let line = 0
  const keep = (part: Buffer): void => {
    bytes += part.length
    if (bytes > bytesMax) held = []
    else if (part.length > 0) held.push(part)
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, end))
      from = end + 1
      const read = toLine(++line, held, bytes, bytesMax)
      held = []
      bytes = 0
      if (read.text !== '') yield read
    }
    // a copy: the chunk may be large, and what is held of it small
    keep(Buffer.from(chunk.subarray(from)))
  }
  if (bytes === 0) return
  const last = toLine(++line, held, bytes, bytesMax)
  if (last.text !== '') yield last
}
