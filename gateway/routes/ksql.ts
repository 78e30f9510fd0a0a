// POST /api/ksql: a question in ksql over the views, its rows as they come.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { ScanGate } from '../lists/scan-gate.js'
import type { SelectQueries } from '../queries/select.js'
import { problems } from './schemas.js'
import { whileAsked } from './while-asked.js'

export interface KsqlRoutesOptions { readonly gate: ScanGate, readonly selects: SelectQueries }

const rowsPreset = 1_000
const rowsMax = 100_000
/** For all of a question. One with EMIT CHANGES has no other end than this, its LIMIT and its client. */
const questionMs = 60_000

interface Asked { readonly limit: number, readonly late: AbortSignal }

/** The header, the rows, and last how many there were; `more` where the limit or the time ended them. An answer without the last line was cut off. */
const linesOf = async function * (query: Awaited<ReturnType<SelectQueries['ask']>>, { limit, late }: Asked): AsyncGenerator<string> {
  yield `${JSON.stringify({ columnNames: query.columnNames, columnTypes: query.columnTypes ?? [] })}\n`
  let rows = 0
  let more = false
  try {
    for await (const row of query.rows) {
      if (rows === limit) {
        more = true
        break
      }
      rows++
      yield `${JSON.stringify(row)}\n`
    }
  } catch (error) {
    if (!late.aborted) throw error
    more = true
  }
  yield `${JSON.stringify({ rows, more })}\n`
}

export const ksqlRoutes: FastifyPluginAsyncTypebox<KsqlRoutesOptions> = async (app, { gate, selects }) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  app.post('/api/ksql', {
    schema: {
      tags: ['ksql'],
      summary: 'A question in ksql',
      description: 'One SELECT over the views, as a pull query or with EMIT CHANGES. The first line has the names and types of the columns, each line behind it a row, ' +
        `and the last how many they were, and whether there were more. At most ${questionMs / 1_000} seconds.`,
      body: Type.Object({
        ksql: Type.String({ minLength: 1, maxLength: 20_000, description: 'The SELECT', examples: ["SELECT link, total FROM visits_by_link WHERE link = 'spring';"] }),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: rowsMax, default: rowsPreset, description: 'Rows at most' }))
      }, { additionalProperties: false }),
      response: {
        200: { description: 'Columns, rows and their number, a line each', content: { 'application/x-ndjson': { schema: Type.String() } } },
        ...problems(400, 413, 415, 422, 503)
      }
    }
  }, async ({ body }, reply) => {
    const late = AbortSignal.timeout(questionMs)
    const signal = AbortSignal.any([late, whileAsked(reply), closing.signal])
    const leave = await gate.enter(signal)
    try {
      const query = await selects.ask(body.ksql, signal)
      const lines = Readable.from(linesOf(query, { limit: body.limit ?? rowsPreset, late }), { objectMode: false })
      lines.once('close', leave)
      return await reply.type('application/x-ndjson').header('cache-control', 'no-store').send(lines as never)
    } catch (error) {
      leave()
      throw error
    }
  })
}
