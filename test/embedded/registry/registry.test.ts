// What the registry keeps and how: the records of `_schemas`, the same state after a restart, one id for one schema however many ask at once,
// deletion and registering again, references, types that are kept without being understood.
import t from 'tap'
import { LogError } from '../../../embedded/log.js'
import { encodeBatch, iterateBatches } from '../../../embedded/records/batch.js'
import { Registry } from '../../../embedded/registry/index.js'
import { MemoryLog } from '../../helpers/memory-log.js'
import type { Log } from '../../../embedded/log.js'

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'R', fields })
const A = record({ name: 'a', type: 'string' })
const AB = record({ name: 'a', type: 'string' }, { name: 'b', type: 'int', default: 0 })

interface Answer { readonly status: number, readonly body: unknown }
type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

interface Owner { teardown (close: () => Promise<void>): void }

async function open (t: Owner, log: Log = new MemoryLog(), warnings: string[] = []): Promise<{ registry: Registry, ask: Ask }> {
  const registry = await Registry.open({ log, clock: () => 1700000000000, logger: { warn: message => { warnings.push(message) } } })
  t.teardown(() => registry.close())
  const { host, port } = await registry.listen({ host: '127.0.0.1', port: 0 })
  const ask: Ask = async (method, path, body, headers = {}) => {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(`http://${host}:${port}${path}`, { method, body: text, headers: { 'content-type': 'application/json', ...headers } })
    const found = await answer.text()
    return { status: answer.status, body: found === '' ? undefined : JSON.parse(found) as unknown }
  }
  return { registry, ask }
}

async function records (log: Log): Promise<[unknown, unknown][]> {
  const { batches } = await log.partition('_schemas', 0)?.read(0, 1e6) ?? { batches: Buffer.alloc(0) }
  return [...iterateBatches(batches)].flatMap(batch => [...batch.records()].map(({ key, value }): [unknown, unknown] =>
    [JSON.parse(String(key)), value === null ? null : JSON.parse(String(value))]))
}

t.test('the topic holds Confluent\'s records', async t => {
  const log = new MemoryLog()
  const { ask } = await open(t, log)
  await ask('POST', '/subjects/s/versions', { schema: A })
  await ask('POST', '/subjects/j/versions', { schema: '{"type": "object"}', schemaType: 'JSON' })
  await ask('PUT', '/config/s', { compatibility: 'FULL' })
  await ask('PUT', '/config', { compatibility: 'NONE' })
  await ask('PUT', '/mode/s', { mode: 'READWRITE' })
  await ask('DELETE', '/subjects/s')
  await ask('DELETE', '/subjects/s?permanent=true')
  t.strictSame(log.describeTopic('_schemas'), { name: '_schemas', partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } })
  t.strictSame(await records(log), [
    [{ keytype: 'SCHEMA', subject: 's', version: 1, magic: 1 }, { subject: 's', version: 1, id: 1, schema: A, deleted: false }],
    [{ keytype: 'SCHEMA', subject: 'j', version: 1, magic: 1 }, { subject: 'j', version: 1, id: 2, schemaType: 'JSON', schema: '{"type":"object"}', deleted: false }],
    [{ keytype: 'CONFIG', subject: 's', magic: 0 }, { subject: 's', compatibilityLevel: 'FULL' }],
    [{ keytype: 'CONFIG', magic: 0 }, { compatibilityLevel: 'NONE' }],
    [{ keytype: 'MODE', subject: 's', magic: 0 }, { subject: 's', mode: 'READWRITE' }],
    [{ keytype: 'DELETE_SUBJECT', subject: 's', magic: 0 }, { subject: 's', version: 1 }],
    [{ keytype: 'SCHEMA', subject: 's', version: 1, magic: 1 }, null],
    [{ keytype: 'MODE', subject: 's', magic: 0 }, null],
    [{ keytype: 'CONFIG', subject: 's', magic: 0 }, null]
  ])
})

t.test('a restart finds everything, and ids go on', async t => {
  const log = new MemoryLog()
  const first = await open(t, log)
  await first.ask('POST', '/subjects/s/versions', { schema: A })
  await first.ask('POST', '/subjects/s/versions', { schema: AB, metadata: { properties: { owner: 'me' } } })
  await first.ask('PUT', '/config/s', { compatibility: 'FORWARD', normalize: true })
  await first.ask('PUT', '/mode/q', { mode: 'READONLY' })
  await first.ask('DELETE', '/subjects/s/versions/1')
  const paths = ['/subjects?deleted=true', '/schemas?deleted=true', '/config/s', '/mode/q', '/schemas/ids/1', '/schemas/ids/2/versions', '/subjects/s/versions?deleted=true']
  const before = await Promise.all(paths.map(path => first.ask('GET', path)))
  await first.registry.close()
  const second = await open(t, log)
  t.strictSame(await Promise.all(paths.map(path => second.ask('GET', path))), before)
  t.strictSame((await second.ask('GET', '/config/s')).body, { normalize: true, compatibilityLevel: 'FORWARD' })
  t.strictSame((await second.ask('POST', '/subjects/t/versions', { schema: '"string"' })).body, { id: 3 })
})

t.test('records that are not the registry\'s are reported and passed over; those of a real registry are read', async t => {
  const log = new MemoryLog()
  await log.createTopic({ name: '_schemas', partitions: 1 })
  const put = async (key: string, value: string | null) =>
    await log.partition('_schemas', 0)?.append(encodeBatch([{ timestamp: 1, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }]))
  await put('{"keytype":"NOOP","magic":0}', null)
  await put('not json', '{}')
  await put('{"keytype":"NEW","magic":0}', '{}')
  await put('{"keytype":"CONFIG","subject":null,"magic":0}', '{"subject":null,"compatibilityLevel":"FULL"}')
  await put('{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', '{"subject":"s","version":1,"id":7,"md5":"x","schema":"\\"int\\"","deleted":false}')
  const warnings: string[] = []
  const { ask } = await open(t, log, warnings)
  t.equal(warnings.length, 2)
  t.strictSame((await ask('GET', '/config')).body, { compatibilityLevel: 'FULL' })
  t.strictSame((await ask('GET', '/schemas/ids/7')).body, { schema: '"int"' })
  await put('{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}', '{"subject":"s","version":2,"id":9,"schema":"\\"long\\"","deleted":false}')
  t.strictSame((await ask('POST', '/subjects/n/versions', { schema: '"bytes"' })).body, { id: 10 }, 'what another writer appended counts')
})

t.test('one schema has one id and one version, whoever registers it at once', async t => {
  const { ask, registry } = await open(t)
  const answers = await Promise.all(Array.from({ length: 50 }, async (_, index) => await ask('POST', `/subjects/s${index % 5}/versions`, { schema: index % 2 === 0 ? A : ` ${A}` })))
  t.strictSame([...new Set(answers.map(({ body }) => JSON.stringify(body)))], ['{"id":1}'])
  t.strictSame((await ask('GET', '/schemas/ids/1/versions')).body, ['s0', 's1', 's2', 's3', 's4'].map(subject => ({ subject, version: 1 })))
  const both = await Promise.all([registry.register('s0', { schema: AB }), registry.register('other', { schema: AB })])
  t.strictSame(both.map(one => one.id), [2, 2])
  t.strictSame(await registry.latest('s0'), { subject: 's0', version: 2, id: 2, schemaType: 'AVRO', schema: AB, references: [] })
  t.equal(await registry.latest('nobody'), undefined)
  t.equal((await registry.byId(1))?.schema, A)
  t.equal(await registry.byId(77), undefined)
})

t.test('deleted, then registered again: the old id, the next version', async t => {
  const { ask, registry } = await open(t)
  await ask('POST', '/subjects/s/versions', { schema: A })
  await ask('POST', '/subjects/s/versions', { schema: AB })
  t.strictSame((await ask('DELETE', '/subjects/s')).body, [1, 2])
  t.strictSame((await ask('DELETE', '/subjects/s')).body, { error_code: 40404, message: 'Subject \'s\' was soft deleted.Set permanent=true to delete permanently' })
  t.equal((await ask('GET', '/schemas/ids/1')).status, 200, 'a deleted schema stays readable by id')
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: A })).body, { id: 1 })
  t.strictSame((await ask('GET', '/subjects/s/versions?deleted=true')).body, [2, 3])
  t.strictSame((await ask('GET', '/subjects/s/versions?deletedOnly=true')).body, [2])
  t.strictSame((await ask('DELETE', '/subjects/s?permanent=true')).body,
    { error_code: 40405, message: 'Subject \'s\' was not deleted first before being permanently deleted' })
  await registry.deleteSubject('s')
  await registry.deleteSubject('s')
  t.strictSame(await registry.listSubjects(), [])
  t.equal((await ask('GET', '/schemas/ids/1')).status, 404)
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: A })).body, { id: 3 }, 'an id is not given twice')
})

t.test('references: resolved, protected, listed', async t => {
  const { ask } = await open(t)
  const inner = '{"type":"record","name":"x.Inner","fields":[]}'
  const outer = '{"type":"record","name":"Outer","fields":[{"name":"i","type":"x.Inner"}]}'
  const references = [{ name: 'x.Inner', subject: 'inner', version: 1 }]
  const lone = await ask('POST', '/subjects/outer/versions', { schema: outer })
  t.match(lone, { status: 422, body: { error_code: 42201, message: /"x\.Inner" is not a defined name/ } })
  const missing = await ask('POST', '/subjects/outer/versions', { schema: outer, references })
  t.match(missing, { status: 422, body: { error_code: 42201, message: /No schema reference found for subject "inner" and version 1/ } })
  await ask('POST', '/subjects/inner/versions', { schema: inner })
  t.strictSame((await ask('POST', '/subjects/outer/versions', { schema: outer, references: [{ ...references[0], version: -1 }] })).body, { id: 2 })
  t.strictSame((await ask('GET', '/schemas/ids/2')).body, { schema: outer, references })
  t.strictSame((await ask('GET', '/subjects/inner/versions/1/referencedby')).body, [2])
  t.match(await ask('DELETE', '/subjects/inner'), { status: 422, body: { error_code: 42206 } })
  t.match(await ask('DELETE', '/subjects/inner/versions/latest'), { status: 422, body: { error_code: 42206 } })
  const resolved = '{"type":"record","name":"Outer","fields":[{"name":"i","type":{"type":"record","name":"Inner","namespace":"x","fields":[]}}]}'
  t.match((await ask('POST', '/subjects/outer', { schema: resolved })).body, { id: 2 }, 'found with its references written out')
  t.strictSame((await ask('GET', '/schemas/ids/2?format=resolved')).body, { schema: resolved, references })
  t.strictSame((await ask('GET', '/subjects/outer/versions/1/schema?format=resolved')).body, JSON.parse(resolved))
})

t.test('JSON and PROTOBUF are kept and served; their compatibility is not claimed to be known', async t => {
  const { ask } = await open(t)
  t.strictSame((await ask('POST', '/subjects/j/versions', { schema: '{"type": "object"}', schemaType: 'JSON' })).body, { id: 1 })
  t.strictSame((await ask('GET', '/schemas/ids/1')).body, { schemaType: 'JSON', schema: '{"type":"object"}' })
  t.match(await ask('POST', '/subjects/j/versions', { schema: '{"type": "string"}', schemaType: 'JSON' }), { status: 422, body: { error_code: 42203, message: /only AVRO can/ } })
  await ask('PUT', '/config/j', { compatibility: 'none' })
  t.strictSame((await ask('POST', '/subjects/j/versions', { schema: '{"type": "string"}', schemaType: 'JSON' })).body, { id: 2 })
  t.match(await ask('POST', '/subjects/j2/versions', { schema: '{bad', schemaType: 'JSON' }), { status: 422, body: { error_code: 42201 } })
  t.strictSame((await ask('POST', '/subjects/p/versions', { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' })).body, { id: 3 })
  t.match(await ask('POST', '/subjects/p/versions', { schema: A }), { status: 409, body: { error_code: 409, message: /Incompatible because of different schema type/ } })
})

t.test('transitive levels look at every version', async t => {
  const { ask } = await open(t)
  const field = (type: unknown, more: object = {}) => record({ name: 'a', type, ...more })
  await ask('PUT', '/config/s', { compatibility: 'NONE' })
  await ask('POST', '/subjects/s/versions', { schema: field('string') })
  await ask('POST', '/subjects/s/versions', { schema: field('int') })
  const check = async (level: string, schema: string) => {
    await ask('PUT', '/config/s', { compatibility: level })
    return (await ask('POST', '/compatibility/subjects/s/versions', { schema })).body
  }
  t.strictSame(await check('BACKWARD', field('long')), { is_compatible: true })
  t.strictSame(await check('BACKWARD_TRANSITIVE', field('long')), { is_compatible: false })
  t.strictSame(await check('FORWARD', field('long')), { is_compatible: false })
  t.strictSame(await check('FULL', field('int', { doc: 'x' })), { is_compatible: true })
  t.strictSame(await check('FULL_TRANSITIVE', field('int', { doc: 'x' })), { is_compatible: false })
  t.strictSame(await check('NONE', field('boolean')), { is_compatible: true })
})

t.test('metadata and rules are kept, part of what a schema is, and taken over', async t => {
  const { ask } = await open(t)
  const metadata = { properties: { owner: 'me' } }
  await ask('POST', '/subjects/s/versions', { schema: A })
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: A, metadata })).body, { id: 2, version: 2, metadata, schema: A })
  const next = (await ask('POST', '/subjects/s/versions', { schema: AB })).body
  t.strictSame(next, { id: 3, version: 3, metadata, schema: AB }, 'what is left out comes from the version before')
  t.strictSame((await ask('GET', '/schemas/ids/2')).body, { schema: A, metadata })
  t.match((await ask('GET', '/subjects/s/metadata?key=owner&value=me')).body, { version: 3 })
  const other = { properties: { owner: 'you', team: 'x' } }
  t.match((await ask('POST', '/subjects/m/versions', { schema: A, metadata })).body, { id: 2 })
  t.match((await ask('POST', '/subjects/m/versions', { schema: A, metadata: other })).body, { id: 4, version: 2 }, 'other metadata, another schema')
  t.match((await ask('POST', '/subjects/m/versions', { schema: A, metadata: { properties: { team: 'x', owner: 'you' } } })).body, { id: 4 })
  t.strictSame((await ask('GET', '/subjects/s/metadata?key=owner&value=you')).body, { error_code: 40403, message: 'Schema not found' })
})

t.test('modes', async t => {
  const { ask } = await open(t)
  await ask('POST', '/subjects/s/versions', { schema: A })
  t.match(await ask('POST', '/subjects/s/versions', { schema: AB, id: 40 }), { status: 422, body: { error_code: 42205, message: 'Subject s is not in import mode' } })
  t.match(await ask('PUT', '/mode/s', { mode: 'IMPORT' }), { status: 422, body: { error_code: 42205, message: 'Cannot import since found existing subjects' } })
  t.strictSame((await ask('PUT', '/mode/i', { mode: 'IMPORT' })).body, { mode: 'IMPORT' })
  t.strictSame((await ask('POST', '/subjects/i/versions', { schema: AB, id: 40, version: 5 })).body, { id: 40 })
  t.match(await ask('POST', '/subjects/i/versions', { schema: '"int"', id: 40 }), { status: 422, body: { error_code: 42205 } }, 'an id keeps its schema')
  t.strictSame((await ask('GET', '/schemas/ids/40/versions')).body, [{ subject: 'i', version: 5 }])
  t.match(await ask('POST', '/subjects/i/versions', { schema: A }), { status: 422, body: { message: 'Subject i is not in read-write mode' } })
  await ask('PUT', '/mode', { mode: 'READONLY_OVERRIDE' })
  t.match(await ask('DELETE', '/subjects/i'), { status: 422, body: { message: 'Subject i is in read-only mode' } })
})

t.test('normalize and schemas that mean the same', async t => {
  const { ask } = await open(t)
  const one = '{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":{"type":"bytes","scale":2,"precision":9,"logicalType":"decimal","y":1,"x":2}}]}'
  const same = '{"fields":[{"type":{"x":2,"logicalType":"decimal","y":1,"precision":9,"scale":2,"type":"bytes"},"name":"a"}],"name":"n.R","type":"record"}'
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: one })).body, { id: 1 })
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: same })).body, { id: 1 }, 'properties in another order are the same schema')
  await ask('POST', '/subjects/u/versions?normalize=true', { schema: one })
  await ask('POST', '/subjects/v/versions?normalize=true', { schema: same })
  const schema = '{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2,"x":2,"y":1}}]}'
  t.strictSame((await ask('GET', '/subjects/u/versions/1')).body, { subject: 'u', version: 1, id: 2, schema })
  t.strictSame((await ask('GET', '/subjects/v/versions/1')).body, { subject: 'v', version: 1, id: 2, schema })
})

t.test('bad requests get the real registry\'s errors', async t => {
  const { ask } = await open(t)
  const cases: [string, string, unknown, number, number, Record<string, string>?][] = [
    ['POST', '/subjects/s/versions', { schema: { a: 1 } }, 400, 400],
    ['POST', '/subjects/s/versions', [1], 400, 400],
    ['POST', '/subjects/s/versions', { schema: A, references: 'x' }, 400, 400],
    ['POST', '/subjects/s/versions', { schema: A, id: 'x' }, 400, 400],
    ['POST', '/subjects/s/versions', '', 422, 422],
    ['POST', '/subjects/s/versions', {}, 422, 42201],
    ['POST', '/subjects/__GLOBAL/versions', { schema: A }, 422, 42208],
    ['POST', '/subjects/%3A.ctx%3As/versions', { schema: A }, 422, 42208],
    ['POST', '/subjects/a%00b/versions', { schema: A }, 422, 42208],
    ['POST', '/subjects/%zz/versions', { schema: A }, 400, 400],
    ['POST', '/subjects/s/versions', { schema: 'x'.repeat(5e6) }, 413, 413],
    ['POST', '/subjects/s/versions', { schema: A }, 415, 415, { 'content-type': 'text/plain' }],
    ['GET', '/subjects', undefined, 406, 406, { accept: 'text/html' }],
    ['PUT', '/subjects', {}, 405, 405],
    ['GET', '/nope//?a=%', undefined, 404, 404],
    ['GET', '/schemas/ids/x', undefined, 404, 404],
    ['GET', '/schemas/ids/5/versions', undefined, 404, 40403],
    ['GET', '/subjects/s/versions/0', undefined, 422, 42202],
    ['PUT', '/config/s', { compatibility: 'FULL', alias: 'x' }, 422, 42205],
    ['PUT', '/mode', { mode: 'SLEEP' }, 422, 42204],
    ['POST', '/compatibility/subjects/s/versions/3', { schema: A }, 404, 40402],
    ['POST', '/compatibility/subjects/s/versions/latest', { schema: '{' }, 422, 42201]
  ]
  for (const [method, path, body, status, errorCode, headers] of cases) {
    t.match(await ask(method, path, body, headers), { status, body: { error_code: errorCode, message: String } }, `${method} ${path}`)
  }
  t.match((await ask('POST', '/compatibility/subjects/s/versions/latest?verbose=true', { schema: '{' })).body, { is_compatible: false, messages: [/Invalid schema/] })
})

t.test('what the log refuses is answered, and nothing is half done', async t => {
  const log = new MemoryLog()
  const { ask } = await open(t, log)
  const partition = log.partition('_schemas', 0)
  if (partition === undefined) throw new Error('no partition')
  const { append } = partition
  partition.append = async () => { throw new LogError('MESSAGE_TOO_LARGE', 'too large') }
  t.match(await ask('POST', '/subjects/s/versions', { schema: A }), { status: 422, body: { error_code: 42209 } })
  partition.append = async () => { throw new LogError('KAFKA_STORAGE_ERROR', 'disk full') }
  t.match(await ask('POST', '/subjects/s/versions', { schema: A }), { status: 500, body: { error_code: 50001 } })
  partition.append = append
  t.strictSame((await ask('GET', '/subjects')).body, [])
  t.strictSame((await ask('POST', '/subjects/s/versions', { schema: A })).body, { id: 1 })
})
