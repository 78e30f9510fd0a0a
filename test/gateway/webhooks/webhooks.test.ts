// Signatures as a receiver checks them, which addresses are refused, and what a delivery that fails does.
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Consumer, EachBatchPayload } from 'kafkajs'
import t from 'tap'
import type { Change } from '../../../gateway/changes/change.js'
import type { LinkEvent } from '../../../gateway/events/link-event.js'
import type { Webhook } from '../../../gateway/queries/webhooks.js'
import { isPublicAddress } from '../../../gateway/webhooks/addresses.js'
import { WebhookDelivery } from '../../../gateway/webhooks/delivery.js'
import { isAllowedTarget, WebhookSender, type Outcome } from '../../../gateway/webhooks/sender.js'
import { rotationMs, secretOf, signatureHeaders } from '../../../gateway/webhooks/signature.js'

const service = Buffer.from('the secret of the service')
const doc = { url: 'https://e.example/', tags: [], rules: [], valid_from: null, valid_until: null }
const change = (id: string): Change => ({
  partition: 0, offset: 1, link: 'a', version: 1,
  event: { event_id: id, type: 'LinkCreated', occurred_at: 0, actor: 'me', reason: null, valid_from: null, doc } as unknown as LinkEvent
})
const webhook = (url: string): Webhook => ({
  id: 'w', url, types: [], tags: [], domains: [], enabled: true, secretGeneration: 1, secretSince: 0, createdAt: 0, updatedAt: 0, reason: null, deletedAt: null
})

/** As Standard Webhooks tells receivers to check. */
const verify = (secret: string, headers: Record<string, string | string[] | undefined>, body: string): boolean => {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = createHmac('sha256', key).update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64')
  return String(headers['webhook-signature']).split(' ').some(one => one === `v1,${expected}`)
}

t.test('a receiver verifies with its secret; after a rotation with either for a day', async t => {
  const secret = (generation: number) => secretOf(service, 'w', generation)
  t.match(secret(1), /^whsec_[A-Za-z0-9+/]{43}=$/)
  t.not(secret(1), secret(2))
  t.not(secret(1), secretOf(service, 'other', 1))
  const first = signatureHeaders(service, { id: 'w', secretGeneration: 1, secretSince: 0 }, 'm1', '{}', 1_000_500)
  t.equal(first['webhook-timestamp'], '1000')
  t.ok(verify(secret(1), first, '{}'))
  t.notOk(verify(secret(1), first, '{ }'))
  t.notOk(verify(secret(1), { ...first, 'webhook-id': 'm2' }, '{}'))
  const rotated = { id: 'w', secretGeneration: 2, secretSince: 1_000 }
  for (const generation of [1, 2]) t.ok(verify(secret(generation), signatureHeaders(service, rotated, 'm', '{}', 1_000 + rotationMs - 1), '{}'))
  const later = signatureHeaders(service, rotated, 'm', '{}', 1_000 + rotationMs)
  t.notOk(verify(secret(1), later, '{}'))
  t.ok(verify(secret(2), later, '{}'))
})

t.test('only public addresses', async t => {
  for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8']) t.ok(isPublicAddress(address), address)
  for (const address of ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255',
    '::1', '::', 'fe80::1', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::', 'example.com', '']) {
    t.notOk(isPublicAddress(address), address)
  }
  const allowed = (url: string, allowPrivate = false) => isAllowedTarget(new URL(url), allowPrivate)
  t.ok(allowed('https://hooks.example/x'))
  for (const url of ['http://127.0.0.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://[::1]/', 'http://localhost/', 'http://a.internal/', 'ftp://example.com/',
    'file:///etc/passwd', 'https://user:pass@example.com/']) t.notOk(allowed(url), url)
  t.ok(allowed('http://127.0.0.1/', true))
  t.notOk(allowed('ftp://127.0.0.1/', true))
})

t.test('a name that leads inside is refused when it is connected to', async t => {
  const sender = new WebhookSender({ serviceSecret: service, allowPrivate: false, timeoutMs: 5_000, now: Date.now })
  t.teardown(async () => await sender.close())
  // every host file has it, and the check of the URL alone does not know it
  const outcome = await sender.send(webhook('http://localhost.localdomain:1/'), change('e'), AbortSignal.timeout(8_000))
  t.match(outcome, { delivered: false, failure: /LINKLOG_ADDRESS_REFUSED|ENOTFOUND|EAI_AGAIN/ })
  t.match(await sender.send(webhook('http://127.0.0.1:1/'), change('e'), AbortSignal.timeout(8_000)), { delivered: false, failure: /not to be reached/ })
})

t.test('a delivery is one signed POST; a redirect is not followed', async t => {
  const seen: Array<{ headers: Record<string, string | string[] | undefined>, body: string }> = []
  let status = 200
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => { body += text }).on('end', () => {
      seen.push({ headers: request.headers, body })
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('thank you')
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const sender = new WebhookSender({ serviceSecret: service, allowPrivate: true, timeoutMs: 5_000, now: Date.now })
  t.teardown(async () => { await sender.close(); server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`
  t.strictSame(await sender.send(webhook(url), change('e1'), AbortSignal.timeout(5_000)), { delivered: true, gone: false, failure: null })
  const [first] = seen
  t.ok(verify(secretOf(service, 'w', 1), first?.headers ?? {}, first?.body ?? ''))
  t.match(JSON.parse(first?.body ?? ''), { type: 'LinkCreated', timestamp: '1970-01-01T00:00:00.000Z', data: { id: 'e1', link: 'a', version: 1 } })
  status = 302
  t.match(await sender.send(webhook(url), change('e2'), AbortSignal.timeout(5_000)), { delivered: false, failure: 'HTTP 302' })
  status = 410
  t.match(await sender.send(webhook(url), change('e3'), AbortSignal.timeout(5_000)), { delivered: false, gone: true })
  t.equal(seen.length, 3)
})

const deliver = async (outcomes: Outcome[], giveUpMs: number) => {
  const sent: string[] = []
  const committed: string[] = []
  const givenUp: string[] = []
  let run: ((payload: EachBatchPayload) => Promise<void>) | undefined
  let now = 0
  const consumer = {
    connect: async () => {}, subscribe: async () => {}, disconnect: async () => {},
    run: async ({ eachBatch }: { eachBatch: typeof run }) => { run = eachBatch },
    commitOffsets: async ([one]: Array<{ offset: string }>) => { committed.push(one?.offset ?? '') }
  } as unknown as Consumer
  const delivery = new WebhookDelivery({
    consumer, topic: 't', wants: one => one.event.event_id !== 'unwanted',
    read: async records => records.map(({ partition, offset, key, timestamp }) =>
      ({ partition, offset, at: timestamp, change: key === 'lost' ? undefined : change(key) })),
    send: async one => { sent.push(one.event.event_id); return outcomes.shift() ?? { delivered: true, gone: false, failure: null } },
    onGivenUp: async why => { givenUp.push(why) },
    giveUpMs,
    now: () => { now += 1_000; return now }
  })
  await delivery.start()
  const messages = ['a', 'lost', 'unwanted', 'b'].map((key, offset) => ({ offset: String(offset), timestamp: '0', key: Buffer.from(key), value: Buffer.from('') }))
  const payload = { batch: { partition: 0, messages }, resolveOffset: () => {}, heartbeat: async () => {}, isRunning: () => true, isStale: () => false }
  await run?.(payload as unknown as EachBatchPayload)
  return { sent, committed, givenUp }
}
const failed: Outcome = { delivered: false, gone: false, failure: 'HTTP 500' }

t.test('what arrives is committed, and what is not asked for passed over', async t => {
  t.strictSame(await deliver([], 1e6), { sent: ['a', 'b'], committed: ['1', '2', '3', '4'], givenUp: [] })
})

t.test('what fails is tried again, and nothing behind it is sent before', async t => {
  const { sent, committed, givenUp } = await deliver([failed, failed], 1e6)
  t.strictSame(sent, ['a', 'a', 'a', 'b'])
  t.strictSame(committed, ['1', '2', '3', '4'])
  t.strictSame(givenUp, [])
})

t.test('given up, its offset stays where it failed', async t => {
  const { sent, committed, givenUp } = await deliver([{ delivered: true, gone: false, failure: null }, ...Array.from({ length: 50 }, () => failed)], 20_000)
  t.ok(sent.length > 2)
  t.strictSame(committed, ['1', '2', '3'], 'b is sent when it goes on')
  t.strictSame(givenUp, ['HTTP 500'])
  t.match((await deliver([{ delivered: false, gone: true, failure: 'HTTP 410' }], 1e6)).givenUp, [/410/])
})
