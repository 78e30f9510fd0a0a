// What every end-to-end test begins with: a running service, foreign writers to its topics, and the rules of issue 3 told a second time, in plain code.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'
import type { Test } from 'tap'
import { GatewayProcess, newPrefix, onCluster } from '../helpers/gateway-process.js'
import { until } from '../helpers/until.js'

export { randomFrom } from '../helpers/random.js'
export { onCluster, skipWithoutBuild } from '../helpers/gateway-process.js'
import { testdir } from '../helpers/testdir.js'

export interface ServiceOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly dataDir?: string
  readonly prefix?: string
  readonly root?: string
  readonly args?: readonly string[]
}
export type Service = GatewayProcess & { readonly prefix: string }

/** How long a start may take, in milliseconds: a cluster makes each table in seconds. */
export const startTimeoutMs = onCluster ? 600_000 : 60_000

/** A service with a folder and a prefix of its own, gone when the test ends. */
export async function startService (t: Test, options: ServiceOptions = {}): Promise<Service> {
  const { env = {}, dataDir = testdir(t), prefix = newPrefix(), root, args = [] } = options
  const gateway = await GatewayProcess.start({ dataDir, prefix, env, args, startTimeoutMs, ...(root !== undefined && { root }) })
  t.teardown(async () => {
    await gateway.end()
    if (!t.passing()) t.comment(`The service printed:\n${gateway.output()}`)
  })
  return Object.assign(gateway, { prefix })
}

/** A prefix for a service on a stack that another has started. */
export const prefixNow = (): string => `e2e-${randomBytes(5).toString('hex')}`

/** The addresses of a running service's stack, for a second gateway on it. */
export const stackOf = ({ kafkaBrokers, registryUrl, ksqldbUrl }: GatewayProcess) =>
  ({ KAFKA_BROKERS: kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, KSQLDB_URL: ksqldbUrl })

/** A topic's name under the prefix of a run. */
export const topicName = (prefix: string, name: string): string => prefix === '' ? name : `${prefix}-${name}`

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** The code of a URL by the rule as it is published: base58 (Bitcoin's alphabet) of the SHA-256 of the normalised URL, the first `length` characters. */
export function codeOf (url: string, length = 7): string {
  const hash = createHash('sha256').update(new URL(url).href).digest()
  let digits = ''
  for (let rest = BigInt(`0x${hash.toString('hex')}`); rest > 0n; rest /= 58n) digits = alphabet[Number(rest % 58n)] + digits
  const leadingZeros = hash.findIndex((byte) => byte !== 0)
  return ('1'.repeat(leadingZeros) + digits).slice(0, length)
}

interface Keyed { key: string, value: object }

/** Writes events as a foreign program would: kafkajs, and Avro by a schema that the registry has under the topic's subject, the latest unless told. */
export async function produce (gateway: GatewayProcess, topic: string, records: readonly Keyed[], version: number | 'latest' = 'latest'): Promise<void> {
  const response = await fetch(`${gateway.registryUrl}/subjects/${topic}-value/versions/${version}`)
  const { id, schema } = await response.json() as { id: number, schema: string }
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(id, 1)
  const producer = new Kafka({ clientId: 'e2e', brokers: [...gateway.kafkaBrokers], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: records.map(({ key, value }) => ({ key, value: Buffer.concat([head, type.toBuffer(value)]) })) })
  } finally {
    await producer.disconnect()
  }
}

/** An event on a link, whole; what is given replaces what a plain link would have. */
export function linkEvent (url: string, { doc, ...event }: { type: string, base_version: number, doc?: object, event_id?: string }): object {
  return {
    event_id: randomUUID(),
    occurred_at: Date.now(),
    actor: 'e2e',
    reason: null,
    ...event,
    doc: {
      url: new URL(url).href, title: null, tags: [], enabled: true, deleted: false, valid_from: null, valid_until: null, max_visits: null,
      redirect_status: 302, forward_query: false, rules: [], ...doc
    }
  }
}

/** A visit, whole. */
export function visit (visitedAt: string, fields: object = {}): object {
  return {
    visit_id: randomUUID(), version: 1, url: 'https://visited.example/', outcome: 'redirected', visited_at: Date.parse(visitedAt), referrer: null, device: 'desktop',
    browser: 'Firefox', os: 'Linux', country: null, language: null, visitor: 'somebody', bot: false, rule: null, ...fields
  }
}

async function totalWhen (gateway: GatewayProcess, of: string, path: string, total: number): Promise<any> {
  let last: unknown
  return await until(() => `${total} visits of ${of}; last seen: ${JSON.stringify(last)}`, async () => {
    const { body } = await gateway.call('GET', path)
    last = body
    return body.total === total && body
  }, 60_000)
}

/** The visits of a link as the API tells them, once the total is what is expected. */
export const visitsWhen = async (gateway: GatewayProcess, link: string, total: number, query = ''): Promise<any> =>
  await totalWhen(gateway, link, `/api/links/${link}/visits${query}`, total)

/** The same of a URL, over all its links: another table, which may be a moment behind. */
export const urlVisitsWhen = async (gateway: GatewayProcess, url: string, total: number): Promise<any> =>
  await totalWhen(gateway, url, `/api/analytics?url=${encodeURIComponent(url)}`, total)

/** Browsers and robots as they name themselves, and how many of a hundred visits each makes. */
export const agents: ReadonlyArray<readonly [share: number, isBot: boolean, agent: string]> = [
  [24, false, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36'],
  [18, false, 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'],
  [17, false, 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36'],
  [9, false, 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15'],
  [8, false, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0'],
  [6, false, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0'],
  [3, false, 'Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1'],
  [3, false, 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'],
  [5, true, 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
  [3, true, 'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)'],
  [2, true, 'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)'],
  [2, true, 'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)']
]

/** Where visitors come from, and how many of a hundred; the first sends no header. */
export const referrers: ReadonlyArray<readonly [share: number, header: string | undefined]> = [
  [45, undefined], [22, 'https://www.google.com/'], [9, 'https://t.co/abc'], [7, 'https://www.linkedin.com/feed/'], [6, 'https://news.ycombinator.com/item?id=1'],
  [5, 'https://www.reddit.com/r/apachekafka/'], [4, 'https://github.com/confluentinc/ksql'], [2, 'android-app://com.slack/']
]

/** One of a weighted list. */
export function pick<Choice extends readonly [number, ...unknown[]]> (choices: readonly Choice[], random: () => number): Choice {
  const total = choices.reduce((sum, [share]) => sum + share, 0)
  let rest = random() * total
  for (const choice of choices) {
    rest -= choice[0]
    if (rest < 0) return choice
  }
  return choices[choices.length - 1] as Choice
}
