// Splits a byte stream into its non-empty lines, so that rows and outcomes can be read as they come.

/** The longest line taken: a row holds at most a record of 1 MiB, and JSON may make it several times longer. */
const lineCharsMax = 16 * 1024 * 1024

/** @throws RangeError where a line is longer than any row can be. */
export async function * readLines (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
      const line = rest.slice(start, end).trim()
      start = end + 1
      if (line !== '') yield line
    }
    rest = rest.slice(start)
    if (rest.length > lineCharsMax) throw new RangeError('a line is too long')
  }
  if (rest.trim() !== '') yield rest.trim()
}
