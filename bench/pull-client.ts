// The client of the pull query benchmark, in a process of its own: as many requests as it can over a number of connections, each answer looked at.
import { Client } from 'undici'
import { quantile } from './report.js'

export interface PullOrder {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** The first part of the time is not counted. */
  readonly warmUpSeconds: number
  /** Keys to ask for, in turn, and the total that each must give. */
  readonly keys: readonly (readonly [key: string, total: number])[]
}

/** Times in ms. */
export interface PullResult { readonly perSecond: number, readonly p50: number, readonly p99: number, readonly wrong: readonly string[] }

const WRONG_MAX = 5

/** One request; gives the text of the answer. */
function ask (client: Client, link: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    client.dispatch({
      method: 'POST',
      path: '/query-stream',
      headers: ['content-type', 'application/json', 'accept', 'application/vnd.ksqlapi.delimited.v1'],
      body: `{"sql":"SELECT total FROM visits_by_link WHERE link = '${link}';"}`
    }, {
      onRequestStart () {},
      onResponseStart () {},
      onResponseData (_, chunk) { text += chunk.toString() },
      onResponseEnd () { resolve(text) },
      onResponseError (_, error) { reject(error) }
    })
  })
}

export async function pull ({ url, connections, seconds, warmUpSeconds, keys }: PullOrder): Promise<PullResult> {
  const clients = Array.from({ length: connections }, () => new Client(url, { pipelining: 1 }))
  const times: number[] = []
  const wrong: string[] = []
  const countFrom = performance.now() + warmUpSeconds * 1000
  const end = countFrom + seconds * 1000
  let next = 0
  await Promise.all(clients.map(async client => {
    for (let started = performance.now(); started < end; started = performance.now()) {
      const [key, total] = keys[next++ % keys.length]!
      const text = await ask(client, key)
      if (!text.endsWith(`\n[${total}]\n`) && wrong.length < WRONG_MAX) wrong.push(`${key}: ${total} expected, answered ${text}`)
      if (started >= countFrom) times.push(performance.now() - started)
    }
  }))
  await Promise.all(clients.map(client => client.close()))
  const sorted = Float64Array.from(times).sort()
  return { perSecond: sorted.length / seconds, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), wrong }
}

process.on('message', (order: PullOrder) => {
  pull(order).then(result => process.send?.(result), (error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
})
