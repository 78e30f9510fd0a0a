// The export routes over real HTTP, on rows that the test gives: errors before and after the first row, a client that stops reading, one that goes, and
// one too many.
import Fastify from 'fastify'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { ScanGate } from '../../../gateway/lists/scan-gate.js'
import type { LinkView } from '../../../gateway/links/view.js'
import { actorPlugin } from '../../../gateway/plugins/actor.js'
import { problemDetailsPlugin } from '../../../gateway/plugins/problem-details.js'
import { validationPlugin } from '../../../gateway/plugins/validation.js'
import { exportRoutes, type ExportRoutesOptions } from '../../../gateway/routes/export.js'
import { until } from '../../helpers/until.js'

const view = (n: number): LinkView => ({
  link: `l${n}`, version: 1, createdAt: 0, updatedAt: 0, scheduled: [],
  doc: {
    url: `https://a.example/${'x'.repeat(1_000)}`, title: null, tags: [], enabled: true, deleted: false, valid_from: null, valid_until: null, max_visits: null, redirect_status: 302,
    forward_query: false, rules: []
  }
})

const start = async (t: Test, all: (signal: AbortSignal) => AsyncGenerator<LinkView>, stallMsMax = 60_000) => {
  const app = Fastify()
  await app.register(problemDetailsPlugin)
  await app.register(validationPlugin)
  await app.register(actorPlugin)
  await app.register(exportRoutes, {
    gate: new ScanGate({ runningMax: 1, waitingMax: 0 }), lister: { all: (_filter, signal) => all(signal) }, queries: {} as ExportRoutesOptions['queries'],
    visits: {} as ExportRoutesOptions['visits'], publicUrl: () => 'https://go.example', stallMsMax
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => await app.close())
  const { port } = new URL(url)
  /** A client that asks and reads nothing. */
  const open = async (): Promise<Socket> => await new Promise(resolve => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.pause()
      socket.on('error', () => {})
      socket.write('GET /api/export/links HTTP/1.1\r\nHost: go.example\r\n\r\n')
      resolve(socket)
    })
    t.teardown(() => socket.destroy())
  })
  return { app, open, get: async () => await request(`${url}/api/export/links`) }
}

t.test('an error before the first row is a problem, one behind it cuts the answer off', async t => {
  let rows = 0
  const { get } = await start(t, async function * () {
    for (let n = 0; n < rows; n++) yield view(n)
    throw new Error('the table is gone')
  })
  const refused = await get()
  t.equal(refused.statusCode, 500)
  t.match(await refused.body.json(), { code: 'internal_error' })
  rows = 1_000
  const cut = await get()
  t.equal(cut.statusCode, 200)
  await t.rejects(cut.body.text())
  rows = 0
  t.equal((await get()).statusCode, 500, 'and gives its place back')
})

t.test('rows are made no faster than they are read; who does not read at all is let go, and who goes leaves', async t => {
  for (const stallMsMax of [50, 60_000]) {
    let taken = 0
    let ended = false
    const { open, get } = await start(t, async function * (signal) {
      try {
        for (; taken < 1_000_000; taken++) {
          signal.throwIfAborted()
          yield view(taken)
        }
      } finally {
        ended = true
      }
    }, stallMsMax)
    const socket = await open()
    await until('some rows', async () => taken > 0)
    if (stallMsMax > 1_000) {
      const full = await get()
      t.match(await full.body.json(), { status: 503, code: 'overloaded' })
      socket.destroy()
    }
    await until('the end of the rows', async () => ended)
    t.ok(taken < 50_000, `${taken} rows for a client that reads none: what the sockets hold`)
  }
})

t.test('a service that stops cuts it off', async t => {
  let ended = false
  const { app, open } = await start(t, async function * (signal) {
    try {
      for (let n = 0; ; n++) {
        signal.throwIfAborted()
        yield view(n)
      }
    } finally {
      ended = true
    }
  })
  const socket = await open()
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => { received = (received + text).slice(-10) })
  socket.resume()
  await until('an answer', async () => received !== '')
  const closed = new Promise(resolve => socket.once('close', resolve))
  await app.close()
  await closed
  t.ok(ended)
  t.notMatch(received, /\r\n0\r\n\r\n$/)
})
