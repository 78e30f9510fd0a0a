// Stretches of keys in the ordered state: what a range gives is what a filter over all rows gives, and no more is read.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { StateDb } from '../../../../../embedded/ksqldb/runtime/state/state-db.js'
import { StateCache } from '../../../../../embedded/ksqldb/runtime/state/state-cache.js'
import { TableStore } from '../../../../../embedded/ksqldb/runtime/state/table-store.js'
import type { StoreOptions } from '../../../../../embedded/ksqldb/runtime/state/table-store.js'
import { BIGINT, STRING } from '../../../../../embedded/ksqldb/sql/sql-type.js'

const dataDir = mkdtempSync(join(tmpdir(), 'table-store-'))
const db = StateDb.open(dataDir)
t.teardown(async () => {
  await db.close()
  rmSync(dataDir, { recursive: true, force: true })
})

function storeOf (options: Partial<StoreOptions>): TableStore {
  const key = [{ name: 'K', type: STRING }]
  return new TableStore(db, { id: db.newStore(), key, value: [{ name: 'V', type: BIGINT }], windowKind: 'none', cache: new StateCache(1 << 20), ...options })
}

const long = (end: string): string => 'm'.repeat(1900) + end
const KEYS = ['', '\0', '\0a', 'a', 'a\0', 'a\0b', 'a!', 'aa', 'ab', 'b', 'bb', 'm', long('a'), long('b'), long('b!'), 'ÿ', 'ż', '中', '\ud7ff']

t.test('one column of text', async t => {
  const store = storeOf({})
  db.transaction(() => {
    for (const key of KEYS) store.put(store.entry([key]), [1n], 0)
    store.flush()
  })
  for (const lower of [undefined, ...KEYS]) {
    for (const upper of [undefined, ...KEYS]) {
      const from = lower === undefined ? {} : { from: { value: lower, inclusive: true } }
      const bounds = { ...from, ...(upper === undefined ? {} : { to: { value: upper, inclusive: false } }) }
      const found = [...store.scan({ prefix: [], ...bounds })].map(row => row.key[0] as string)
      const wanted = KEYS.filter(k => (lower === undefined || k >= lower) && (upper === undefined || k < upper))
      // Keys beyond what the store keeps whole may lie beside a bound that is as long.
      t.same(found.filter(k => wanted.includes(k)).sort(), [...wanted].sort(), `from ${String(lower?.slice(-4))} to ${String(upper?.slice(-4))}`)
      t.ok(found.every(k => wanted.includes(k) || k.length > 1000))
    }
  }
  t.same([...store.scan({ prefix: [], from: { value: 'a', inclusive: false }, to: { value: 'aa', inclusive: true } })].map(row => row.key[0]), ['a\0', 'a\0b', 'a!', 'aa'])
})

t.test('a second column behind the first, and windows behind keys', async t => {
  const store = storeOf({ key: [{ name: 'K', type: STRING }, { name: 'N', type: BIGINT }], windowKind: 'time', windowSizeMs: 10 })
  db.transaction(() => {
    for (const text of ['a', 'a\0', 'b']) {
      for (const n of [-1n, 0n, 1n, null]) for (const start of [0, 10]) store.put(store.entry([text, n], { start, end: start + 10 }), [1n], 0)
    }
    store.flush()
  })
  const found = (range: Parameters<TableStore['scan']>[0]): unknown[] => [...store.scan(range)].map(row => [...row.key, row.window?.start])
  t.same(found({ prefix: ['a'], from: { value: -1n, inclusive: false } }), [['a', 0n, 0], ['a', 0n, 10], ['a', 1n, 0], ['a', 1n, 10]])
  t.same(found({ prefix: ['a'], from: { value: 0n, inclusive: true }, to: { value: 0n, inclusive: true } }), [['a', 0n, 0], ['a', 0n, 10]])
  t.equal(found({ prefix: ['a'] }).length, 8)
  t.equal(found({ prefix: [], to: { value: 'b', inclusive: false } }).length, 16)
  t.same(found({ prefix: ['b'], from: { value: 1n, inclusive: true }, to: { value: 0n, inclusive: true } }), [])
})
