// The registry answers what Schema Registry 7.9 answered: its 74 recorded requests are sent in their order and every status, content
// type and body must be the same. Ids differ, since that server had other schemas before, and so does the cluster's name.
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { Registry } from '../../../embedded/registry/index.js'
import { MemoryLog } from '../../helpers/memory-log.js'

interface Recorded {
  readonly request: { readonly method: string, readonly path: string, readonly body: unknown }
  readonly response: { readonly status: number, readonly contentType: string | null, readonly body: string }
}

const file = new URL('../../../../shared/transcripts/schema-registry-7.9.jsonl', import.meta.url)
const skip = existsSync(file) ? false : 'the recorded answers are not beside this checkout (../shared/transcripts)'

// That server's ids, by the order in which it gave them.
const IDS: Readonly<Record<string, string>> = { 25: '1', 33: '2', 34: '3' }

const withOurIds = (text: string) => text
  .replace(/("id":)(\d+)/g, (whole, name: string, id: string) => `${name}${IDS[id] ?? whole}`)
  .replace(/(\/schemas\/ids\/)(\d+)/g, (_, path: string, id: string) => `${path}${IDS[id] ?? id}`)

/** The one schema of another stream that the recorded listings show. */
function otherSchema (recorded: readonly Recorded[]): { subject: string, schema: string } {
  const listing = recorded.find(({ response }) => response.body.startsWith('[{"subject":"rec-clicks-value"'))
  const found = (JSON.parse(listing?.response.body ?? '[]') as { subject: string, schema: string }[])[0]
  if (found === undefined) throw new Error('The recording shows no rec-clicks-value')
  return found
}

t.test('74 recorded answers', { skip }, async t => {
  const recorded = readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line) as Recorded)
  t.equal(recorded.length, 74, 'all are there')
  const registry = await Registry.open({ log: new MemoryLog(), clock: () => 0, clusterId: 'MkU3OEVBNTcwNTJENDM2Qk' })
  t.teardown(() => registry.close())
  const { host, port } = await registry.listen({ host: '127.0.0.1', port: 0 })
  const other = otherSchema(recorded)
  await registry.register(other.subject, { schema: other.schema })
  for (const [index, { request, response }] of recorded.entries()) {
    const body = request.body === null ? null : typeof request.body === 'string' ? request.body : JSON.stringify(request.body)
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    const answer = await fetch(`http://${host}:${port}${withOurIds(request.path)}`, { method: request.method, body, headers })
    t.strictSame(
      { status: answer.status, contentType: answer.headers.get('content-type'), body: await answer.text() },
      { status: response.status, contentType: response.contentType, body: withOurIds(response.body) },
      `${index + 1}. ${request.method} ${request.path}`
    )
  }
})
