// Random commands from several clients at once, over two gateways, against a plain model. The history is the order that the log decided; it must explain
// every answer: what was accepted stands at the version that the answer said and is what the model makes of the version before; what was refused, or
// changed nothing, is what the model says of a version that stood while the request was on its way. LINKLOG_COMMANDS (500) and LINKLOG_SEED are taken from
// the environment.
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { decide, modelOf, settled, type ModelCommand, type ModelLink } from '../helpers/link-model.js'
import { inParallel } from '../helpers/until.js'
import { randomFrom, skipWithoutBuild, stackOf, startService } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(1_200_000)

const commandsMax = Number(process.env['LINKLOG_COMMANDS'] ?? 500)
const seed = Number(process.env['LINKLOG_SEED'] ?? Math.floor(Math.random() * 1e9))
const clients = 8
/** So many commands are given to the links of one window before the next links take their place: enough of them meet on each. */
const windowCommands = 150
const windowLinks = 4

interface Attempt {
  readonly sentAt: number
  readonly answeredAt: number
  readonly status: number
  readonly body: any
  /** 0 where there was none. */
  readonly etag: number
  readonly isReplay: boolean
}

interface Sent {
  readonly id: string
  readonly link: string
  readonly command: ModelCommand
  readonly ifMatch: number | '*' | undefined
  readonly key: string | undefined
  readonly attempts: Attempt[]
}

const pathOf = ({ link, command }: Sent): ['POST' | 'PATCH' | 'DELETE', string] => {
  const base = `/api/links/${link}`
  switch (command.kind) {
    case 'create': return ['POST', '/api/links']
    case 'edit': return ['PATCH', base]
    case 'delete': return ['DELETE', base]
    case 'cancel': return ['DELETE', `${base}/scheduled/${command.eventId}`]
    default: return ['POST', `${base}/${command.kind}`]
  }
}

async function send (gateway: Service, sent: Sent): Promise<Attempt> {
  const { id, link, command, ifMatch, key } = sent
  const [method, path] = pathOf(sent)
  const headers = {
    ...(ifMatch !== undefined && { 'if-match': ifMatch === '*' ? '*' : `"${ifMatch}"` }),
    ...(key !== undefined && { 'idempotency-key': key })
  }
  const body = command.kind === 'create'
    ? { ...command.fields, slug: link, reason: id }
    : command.kind === 'edit'
      ? { ...command.fields, ...(command.effectiveAt !== undefined && { effectiveAt: command.effectiveAt }), reason: id }
      : command.kind === 'revert' ? { version: command.version, reason: id } : { reason: id }
  const sentAt = Date.now()
  const answer = method === 'DELETE'
    ? await gateway.call(method, `${path}?reason=${id}`, undefined, headers)
    : await gateway.call(method, path, body, headers)
  const etag = Number(String(answer.headers['etag'] ?? '').replaceAll('"', '')) // 0 where there is none
  return { sentAt, answeredAt: Date.now(), status: answer.status, body: answer.body, etag, isReplay: answer.headers['idempotent-replayed'] === 'true' }
}

/** One client: what it has seen, and what it does next. */
class Client {
  readonly sent: Sent[] = []
  readonly #name: string
  readonly #random: () => number
  readonly #seen = new Map<string, { version: number, scheduled: string[] }>()

  constructor (name: string, random: () => number) {
    this.#name = name
    this.#random = random
  }

  #one <T> (choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T
  }

  #fields (): Record<string, unknown> {
    const number = Math.floor(this.#random() * 4)
    return this.#one([
      { url: `https://example.com/${number}` }, { title: this.#one([null, `t${number}`]) }, { tags: this.#one([null, ['a'], ['a', 'b']]) },
      { maxVisits: this.#one([null, 5 + number]), redirectStatus: this.#one([null, 301, 307]) }, { forwardQuery: this.#one([null, true]), title: `f${number}` },
      { url: `https://example.com/${number}`, validUntil: this.#one([null, '2100-01-01T00:00:00.000Z']) }
    ])
  }

  #command (link: string): ModelCommand {
    const seen = this.#seen.get(link)
    const dice = this.#random()
    if (dice < (seen === undefined ? 0.6 : 0.05)) return { kind: 'create', fields: { url: `https://example.com/${link}`, title: this.#one([null, 'made']) } }
    if (dice < 0.7) {
      const ahead = this.#random()
      const inMs = ahead < 0.8 ? 50 + this.#random() * 600 : 3_600_000 + this.#random() * 1e6
      const effectiveAt = ahead < 0.6 ? undefined : new Date(Date.now() + inMs).toISOString()
      return { kind: 'edit', fields: this.#fields(), ...(effectiveAt !== undefined && { effectiveAt }) }
    }
    if (dice < 0.78) return { kind: 'cancel', eventId: this.#one(seen?.scheduled.length ? seen.scheduled : ['none']) }
    if (dice < 0.86) return { kind: 'revert', version: 1 + Math.floor(this.#random() * ((seen?.version ?? 1) + 1)) }
    return { kind: this.#one(['disable', 'enable', 'disable', 'enable', 'delete', 'restore', 'restore'] as const) }
  }

  #next (link: string, number: number): Sent {
    const again = this.sent.at(-1 - Math.floor(this.#random() * 3))
    if (this.#random() < 0.1 && again?.key !== undefined) return again
    const command = this.#command(link)
    const version = this.#seen.get(link)?.version ?? 1
    const dice = this.#random()
    const seen: number | '*' = dice < 0.6 ? version : dice < 0.75 ? Math.max(1, version - 1 - Math.floor(this.#random() * 3)) : '*'
    const ifMatch = command.kind === 'create' ? undefined : command.kind === 'edit' || this.#random() < 0.4 ? seen : undefined
    const id = `${this.#name}.${number}`
    const sent = { id, link, command, ifMatch, key: this.#random() < 0.5 ? `key-${id}` : undefined, attempts: [] }
    this.sent.push(sent)
    return sent
  }

  async step (gateway: Service, link: string, number: number): Promise<void> {
    const sent = this.#next(link, number)
    const attempt = await send(gateway, sent)
    sent.attempts.push(attempt)
    const scheduled = (attempt.body?.scheduled ?? []).map(({ eventId }: { eventId: string }) => eventId) as string[]
    if (attempt.body?.code === 'slug_taken' && !this.#seen.has(sent.link)) this.#seen.set(sent.link, { version: 1, scheduled: [] })
    if (attempt.etag === 0) return
    this.#seen.set(sent.link, { version: attempt.etag, scheduled: scheduled.length > 0 ? scheduled : this.#seen.get(sent.link)?.scheduled ?? [] })
  }
}

interface Revision { readonly version: number, readonly eventId: string, readonly occurredAt: string, readonly reason: string }

/** What the log decided for one link, and what the model makes of it. */
class LinkCheck {
  readonly faults: string[] = []
  readonly #link: string
  readonly #revisions: readonly (Revision & Record<string, any>)[]
  readonly #sent: ReadonlyMap<string, Sent>
  /** The link at each version, from 1. */
  readonly #states: ModelLink[] = []

  constructor (link: string, revisions: readonly (Revision & Record<string, any>)[], sent: readonly Sent[]) {
    this.#link = link
    this.#revisions = revisions
    this.#sent = new Map(sent.map(one => [one.id, one]))
  }

  #fault (what: string, ...more: unknown[]): void {
    this.faults.push(`${this.#link}: ${what} ${more.map(one => JSON.stringify(one)).join(' ')}`)
  }

  #same (what: string, actual: ModelLink, expected: ModelLink): void {
    for (const name of Object.keys(expected.fields)) {
      const [is, should] = [actual.fields[name], expected.fields[name]]
      if (JSON.stringify(is) !== JSON.stringify(should)) this.#fault(what, name, is, 'expected', should)
    }
    const order = (edits: ModelLink['scheduled']) => JSON.stringify(edits.map(({ eventId, effectiveAt, changes }) => [eventId, effectiveAt, Object.entries(changes).sort()]))
    if (order(actual.scheduled) !== order(expected.scheduled)) this.#fault(what, 'scheduled', actual.scheduled, 'expected', expected.scheduled)
  }

  /** The history: each revision is one command's, and what the model makes of the version before. */
  history (): void {
    const seen = new Set<string>()
    for (const [index, revision] of this.#revisions.entries()) {
      const sent = this.#sent.get(revision.reason)
      if (sent === undefined || seen.has(revision.reason)) this.#fault('a revision of no command, or of one that had its revision', revision)
      seen.add(revision.reason)
      if (sent === undefined) return
      const at = Date.parse(revision.occurredAt)
      if (index > 0 && at < Date.parse(this.#revisions[index - 1]?.occurredAt ?? '')) this.#fault('time goes back at', revision.version)
      const versions = this.#states.map((state, n) => settled(state, Date.parse(this.#revisions[n]?.occurredAt ?? '')))
      const verdict = decide(this.#states.at(-1), sent.command, at, revision.eventId, versions)
      if (typeof verdict === 'string' || 'refused' in verdict) return this.#fault('accepted, but the model says', verdict, revision)
      this.#states.push(verdict.link)
      this.#same(`version ${revision.version} (${revision.reason})`, modelOf(revision), verdict.link)
    }
  }

  /** The versions that could stand while an attempt was on its way: from the last that anybody had been told of, to the last that could be written by then. */
  #standing ({ sentAt, answeredAt }: Attempt): readonly number[] {
    let [low, high] = [0, 0]
    for (const { version, reason } of this.#revisions) {
      const attempts = this.#sent.get(reason)?.attempts ?? []
      if (attempts.some(other => other.answeredAt < sentAt && other.status < 300 && other.etag >= version)) low = version
      if (attempts.some(other => other.sentAt <= answeredAt)) high = version
    }
    return Array.from({ length: Math.max(0, high - low + 1) }, (_, n) => low + n)
  }

  #verdictsAt (version: number, { command }: Sent, attempt: Attempt): string[] {
    const versions = this.#states.slice(0, version)
    return [attempt.sentAt, attempt.answeredAt].map(at => {
      const verdict = decide(versions.at(-1), command, at, '', versions)
      return typeof verdict === 'string' ? verdict : 'refused' in verdict ? verdict.refused : 'changed'
    })
  }

  /** An answer against the history. */
  attempt (sent: Sent, attempt: Attempt): void {
    const { status, body, etag, isReplay } = attempt
    const own = this.#revisions.find(({ reason }) => reason === sent.id)
    const standing = this.#standing(attempt)
    const tell = (what: string) => this.#fault(what, sent, standing)
    if (status === 200 || status === 201) {
      const shown = modelOf(body)
      if (own?.version === etag) {
        if (!isReplay && !standing.includes(etag)) tell('accepted at a version that could not be')
        this.#same(`answer to ${sent.id}`, shown, this.#states[etag - 1] as ModelLink)
      } else if (isReplay || !standing.includes(etag) || !this.#verdictsAt(etag, sent, attempt).includes('unchanged')) {
        tell('answered as if nothing was to change')
      }
    } else if (status === 412) {
      if (sent.ifMatch === '*' || sent.ifMatch === undefined || sent.ifMatch === etag || !standing.includes(etag)) tell('412 without a version that stood')
    } else if (![404, 409, 410, 422].includes(status) || !standing.some(version => this.#verdictsAt(version, sent, attempt).includes(body.code))) {
      tell('an answer that no version explains')
    }
  }

  stateAt (version: number): ModelLink | undefined {
    return this.#states[version - 1]
  }
}

async function pages (gateway: Service, link: string): Promise<{ revisions: (Revision & Record<string, any>)[], rejected: any[] }> {
  const all = { revisions: [] as (Revision & Record<string, any>)[], rejected: [] as any[] }
  for (let from: number | null = 1; from !== null;) {
    const { status, body } = await gateway.call('GET', `/api/links/${link}/revisions?limit=50&includeRejected=true&from=${from}`)
    if (status === 404) return all
    all.revisions.push(...body.revisions)
    all.rejected.push(...body.rejected)
    from = body.next
  }
  return all
}

interface Counts { readonly revisions: number, readonly rejected: number }

async function checkLink (t: Test, gateway: Service, link: string, sent: readonly Sent[], random: () => number): Promise<Counts> {
  const { revisions, rejected } = await pages(gateway, link)
  const check = new LinkCheck(link, revisions, sent)
  check.history()
  if (check.faults.length === 0) for (const one of sent) for (const attempt of one.attempts) check.attempt(one, attempt)
  for (const fault of check.faults.slice(0, 5)) t.fail(fault)
  for (const { baseVersion, versionThen, eventId } of rejected) if (baseVersion === versionThen) t.fail(`${link}: ${eventId} was ignored without a reason`)
  if (revisions.length === 0 || check.faults.length > 0) return { revisions: revisions.length, rejected: rejected.length }
  const last = check.stateAt(revisions.length) as ModelLink
  const before = Date.now()
  const { body } = await gateway.call('GET', `/api/links/${link}`)
  const [early, late] = [settled(last, before), settled(last, Date.now())].map(state => JSON.stringify(sortedFields(state)))
  t.ok([early, late].includes(JSON.stringify(sortedFields(modelOf(body)))), `${link} stands as the fold of its history`)
  const revision = revisions[Math.floor(random() * revisions.length)] as Revision
  const at = Date.parse(revision.occurredAt) + Math.floor(random() * 800)
  const standing = revisions.filter(({ occurredAt }) => Date.parse(occurredAt) <= at).length
  const past = await gateway.call('GET', `/api/links/${link}?asOf=${new Date(at).toISOString()}`)
  t.equal(past.body.version, standing, `${link} as of ${at}`)
  t.strictSame(sortedFields(modelOf(past.body)), sortedFields(settled(check.stateAt(standing) as ModelLink, at)))
  return { revisions: revisions.length, rejected: rejected.length }
}

const sortedFields = ({ fields }: ModelLink) => Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1)

t.test('commands', { skip: skipWithoutBuild }, async (t) => {
  const folder = testdir(t, { a: {}, b: {} })
  const first = await startService(t, { dataDir: join(folder, 'a') })
  const second = await startService(t, { dataDir: join(folder, 'b'), env: stackOf(first), prefix: first.prefix })
  t.comment(`LINKLOG_SEED=${seed} LINKLOG_COMMANDS=${commandsMax}`)
  const everyone = Array.from({ length: clients }, (_, n) => new Client(`c${n}`, randomFrom(seed + n)))
  const startedMs = performance.now()
  let given = 0
  await Promise.all(everyone.map(async (client, n) => {
    const random = randomFrom(seed + 1_000 + n)
    while (given < commandsMax) {
      const number = given++
      const link = `link-${Math.floor(number / windowCommands)}-${Math.floor(random() * windowLinks)}`
      await client.step(random() < 0.5 ? first : second, link, number)
    }
  }))
  const seconds = (performance.now() - startedMs) / 1_000
  const sent = everyone.flatMap(client => client.sent)
  const byLink = new Map<string, Sent[]>()
  for (const one of sent) byLink.set(one.link, [...byLink.get(one.link) ?? [], one])
  const random = randomFrom(seed - 1)
  const totals = await inParallel([...byLink], 4, async ([link, ofLink]) => await checkLink(t, Math.random() < 0.5 ? first : second, link, ofLink, random))
  const statuses: Record<string, number> = {}
  for (const { attempts } of sent) for (const { status, body } of attempts) statuses[body.code ?? status] = (statuses[body.code ?? status] ?? 0) + 1
  t.comment(`${given} commands in ${seconds.toFixed(1)} s on ${byLink.size} links: ${JSON.stringify(statuses)}; ` +
    `${totals.reduce((sum, { revisions }) => sum + revisions, 0)} revisions, ${totals.reduce((sum, { rejected }) => sum + rejected, 0)} events ignored`)
  t.equal(sent.reduce((sum, { attempts }) => sum + attempts.length, 0), given, 'every command was answered')
})
