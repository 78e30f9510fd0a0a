// An HTTP server that answers as a test tells it, in ksqlDB's own recorded forms.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly accept: string | undefined
  readonly authorization: string | undefined
  readonly body: any
}
export type Respond = (asked: Asked, response: ServerResponse) => void

const read = async (request: IncomingMessage): Promise<any> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? undefined : JSON.parse(text)
}

/** Starts it; it ends with the test. */
export const fakeKsqldb = async (t: Test, respond: Respond): Promise<{ url: string, asked: Asked[] }> => {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    read(request).then(body => {
      const { method = '', url: path = '', headers } = request
      const one = { method, path, accept: headers.accept, authorization: headers.authorization, body }
      asked.push(one)
      respond(one, response)
    }, () => response.destroy())
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => { server.close(resolve) })
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

export const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** A pull query's answer in the delimited form: a header line, then a line for each row. */
export const rows = (response: ServerResponse, columnNames: readonly string[], values: ReadonlyArray<readonly unknown[]>): void => {
  const header = { queryId: 'query_1', columnNames, columnTypes: columnNames.map(() => 'STRING') }
  response.writeHead(200, { 'content-type': 'application/vnd.ksqlapi.delimited.v1' })
    .end(`${[header, ...values].map(line => JSON.stringify(line)).join('\n')}\n`)
}

export const refusal = (response: ServerResponse, message: string, errorCode = 40001, status = 400): void =>
  json(response, status, { '@type': 'statement_error', error_code: errorCode, message, statementText: '', entities: [] })
