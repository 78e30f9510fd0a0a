// POST /inserts-stream (HTTP/2): rows in, one a line, an acknowledgement for each out, in their order.
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { KsqlEngine } from '../engine/engine.js'
import { EngineError, toEngineError } from '../engine/errors.js'
import { columnName, insertRow } from '../engine/insert-row.js'
import { insertTarget } from '../engine/insert-values.js'
import type { DataSource } from '../plan/metastore.js'
import { errorBody, parseObject } from './responses.js'
import { DELIMITED_TYPE } from './query-writer.js'

/** The longest line: a record of the default largest size, as JSON may write it. */
const LINE_CHARS_MAX = 8 * 1024 * 1024

/** Answers; never rejects. Rows are read no faster than they are written to the log. */
export async function insertsStream (engine: KsqlEngine, request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const accept = request.headers.accept ?? DELIMITED_TYPE
  const answer = new Acknowledgements(response, !accept.includes(DELIMITED_TYPE) && accept.includes('application/json'))
  let target: DataSource | undefined
  let sequence = 0
  try {
    for await (const line of lines(request)) {
      if (target === undefined) {
        target = targetOf(line, engine)
        answer.open()
      } else {
        await engine.runtime.insert(target, insertRow(line, target))
        await answer.write(JSON.stringify({ status: 'ok', seq: sequence++ }))
      }
    }
    if (target === undefined) throw new EngineError('Invalid JSON in request: the first line must name the target')
  } catch (error) {
    const refused = toEngineError(error)
    if (target === undefined) return answer.refuse(refused)
    await answer.write(JSON.stringify({ '@type': 'generic_error', error_code: refused.code, message: refused.message, status: 'error', seq: sequence }))
  }
  answer.end()
}

function targetOf (line: string, engine: KsqlEngine): DataSource {
  const { target } = parseObject(line)
  if (typeof target !== 'string') throw new EngineError("Invalid JSON in request: Missing required creator property 'target' (index 0)")
  return insertTarget(columnName(target), engine.state, 40001)
}

async function * lines (request: Http2ServerRequest): AsyncGenerator<string> {
  request.setEncoding('utf8')
  let rest = ''
  for await (const chunk of request) {
    const parts = (rest + (chunk as string)).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > LINE_CHARS_MAX) throw new EngineError(`A line is longer than ${LINE_CHARS_MAX} characters`)
    for (const part of parts) if (part.trim() !== '') yield part
  }
  if (rest.trim() !== '') yield rest
}

class Acknowledgements {
  readonly #response: Http2ServerResponse
  readonly #json: boolean
  #first = true

  constructor (response: Http2ServerResponse, json: boolean) {
    this.#response = response
    this.#json = json
  }

  open (): void {
    this.#response.writeHead(200, { 'content-type': this.#json ? 'application/json' : DELIMITED_TYPE })
  }

  async write (entry: string): Promise<void> {
    const text = this.#json ? `${this.#first ? '[' : ','}${entry}` : `${entry}\n`
    this.#first = false
    const response = this.#response
    // Bytes: see `outgoing`.
    if (response.destroyed || response.write(Buffer.from(text))) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        response.off('drain', done)
        response.off('close', done)
        resolve()
      }
      response.on('drain', done)
      response.on('close', done)
    })
  }

  refuse (error: EngineError): void {
    this.#response.writeHead(Math.floor(error.code / 100))
    this.#response.end(Buffer.from(errorBody(error)))
  }

  end (): void {
    this.#response.end(Buffer.from(this.#json ? (this.#first ? '[]' : ']') : ''))
  }
}
