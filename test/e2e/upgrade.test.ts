// A service of an earlier version on the same log: what was counted stays, counting goes on, and what is new is there.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { newPrefix } from '../helpers/gateway-process.js'
import { until } from '../helpers/until.js'
import { produce, skipWithoutBuild, startService, topicName, visit, visitsWhen } from './support.js'
import type { Service } from './support.js'

t.setTimeout(300_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

/** This package with the schemas and statements of 0.1: ten migrations, and visits without the fields that came later. */
function packageOf01 (folder: string): string {
  mkdirSync(folder)
  for (const name of ['dist', 'ksql', 'schemas', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true, dereference: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const name of readdirSync(join(folder, 'ksql'))) if (name > 'V000011') rmSync(join(folder, 'ksql', name))
  const file = join(folder, 'schemas/visits-value.avsc')
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { fields: Array<{ name: string }> }
  const last = schema.fields.findIndex(({ name }) => name === 'bot')
  writeFileSync(file, JSON.stringify({ ...schema, fields: schema.fields.slice(0, last + 1) }))
  return folder
}

async function rulesOf (service: Service, link: string): Promise<unknown[]> {
  const stream = `${service.prefix === '' ? '' : `${service.prefix.replaceAll('-', '_')}_`}visits`
  const response = await fetch(`${service.ksqldbUrl}/query-stream`, {
    method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: JSON.stringify({ sql: `SELECT rule FROM ${stream} WHERE link = '${link}';` })
  })
  if (!response.ok) throw new Error(await response.text())
  const [, ...rows] = await response.json() as [object, ...unknown[][]]
  return rows.flat()
}

t.test('visits gain a column while the tables count them', { skip: skipWithoutBuild }, async (t) => {
  const folder = t.testdir({ data: {} })
  const [dataDir, prefix] = [join(folder, 'data'), newPrefix()]
  const before = await startService(t, { dataDir, prefix, root: packageOf01(join(folder, 'package')) })
  await before.call('POST', '/api/links', { url: 'https://example.com/old', slug: 'old' })
  for (let n = 0; n < 3; n++) t.equal((await before.call('GET', '/old', undefined, agent)).status, 302)
  await visitsWhen(before, 'old', 3)
  await t.rejects(rulesOf(before, 'old'), { message: /RULE/ }, 'the earlier version has no such column')
  t.equal(await before.stop(), 0)

  const after = await startService(t, { dataDir, prefix })
  t.equal((await after.call('GET', '/old', undefined, agent)).status, 302)
  await produce(after, topicName(prefix, 'visits'), [{ key: 'old', value: visit(new Date().toISOString(), { rule: 2 }) }])
  await visitsWhen(after, 'old', 5)
  const rules = await until('the visits in the stream', async () => {
    const seen = await rulesOf(after, 'old')
    return seen.length >= 5 && seen
  })
  t.strictSame(rules.filter((rule) => rule !== null), [2])
  t.equal(rules.length, 5)
})
