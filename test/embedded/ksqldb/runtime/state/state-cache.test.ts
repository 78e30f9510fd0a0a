// The cache over the state: what waits to be written is never lost and is seen at once, what was written is read again after it has gone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { StateCache } from '../../../../../embedded/ksqldb/runtime/state/state-cache.js'
import { StateDb } from '../../../../../embedded/ksqldb/runtime/state/state-db.js'
import { TableStore } from '../../../../../embedded/ksqldb/runtime/state/table-store.js'
import type { WindowKind } from '../../../../../embedded/ksqldb/runtime/state/table-store.js'
import { BIGINT, STRING } from '../../../../../embedded/ksqldb/sql/sql-type.js'

const dataDir = mkdtempSync(join(tmpdir(), 'state-cache-'))
const db = StateDb.open(dataDir)
t.teardown(async () => {
  await db.close()
  rmSync(dataDir, { recursive: true, force: true })
})

function storeOf (cache: StateCache, windowKind: WindowKind = 'none'): TableStore {
  return new TableStore(db, { id: db.newStore(), key: [{ name: 'K', type: STRING }], value: [{ name: 'V', type: BIGINT }], windowKind, cache, windowSizeMs: 10 })
}

t.test('far more keys than the cache holds, two stores, changes in between', async t => {
  const cache = new StateCache(200_000)
  const stores = [storeOf(cache), storeOf(cache, 'time')]
  const counts = new Map<string, bigint>()
  for (let n = 0; n < 60_000; n++) {
    const key = `k${n * 7919 % 5000}`
    counts.set(key, (counts.get(key) ?? 0n) + 1n)
    for (const store of stores) {
      const entry = store === stores[0] ? store.entry([key]) : store.entry([key], { start: 10, end: 20 })
      store.put(entry, [((entry.row?.[0] ?? 0n) as bigint) + 1n], n)
    }
    cache.maintain()
    if (n % 777 === 0) db.transaction(() => { for (const store of stores) store.flush() })
  }
  t.ok(cache.dirtyBytes > 0)
  t.strictSame(stores[0]!.peek(['k1']).row, [counts.get('k1')], 'seen before it is written')
  db.transaction(() => { for (const store of stores) store.flush() })
  t.equal(cache.dirtyBytes, 0)
  for (const store of stores) {
    t.strictSame(new Map([...store.scan()].map(({ key, row }) => [key[0], row[0]])), counts)
    store.close()
  }
  t.equal(cache.stores, 0)
})

t.test('the windows of a key, written and waiting', async t => {
  const store = storeOf(new StateCache(1 << 20), 'time')
  const put = (start: number, value: bigint | null): void => store.put(store.entry(['k'], { start, end: start + 10 }), value === null ? null : [value], start)
  for (const start of [0, 10, 20, 30]) put(start, 1n)
  store.put(store.entry(['other'], { start: 10, end: 20 }), [9n], 0)
  db.transaction(() => store.flush())
  put(10, 2n)
  put(20, null)
  put(5, 3n)
  put(40, 4n)
  const windows = (from: number, to: number): unknown => [...store.currentWindows(['k'], { from, to })].map(({ window, row }) => [window!.start, row[0]])
  t.strictSame(windows(0, 100), [[0, 1n], [5, 3n], [10, 2n], [30, 1n], [40, 4n]])
  t.strictSame(windows(5, 30), [[5, 3n], [10, 2n], [30, 1n]])
  store.reset()
  t.strictSame(windows(0, 100), [[0, 1n], [10, 1n], [20, 1n], [30, 1n]], 'taken back')
})

t.test('what waits is counted by its bytes in the store, and a count may be a number', async t => {
  const store = storeOf(new StateCache(1 << 20))
  const put = (count: number): void => { for (const key of ['a', 'bcd']) store.put(store.entry([key]), [count], 0) }
  const flush = (): void => db.transaction(() => store.flush())
  put(1)
  flush()
  t.equal(store.bufferedBytes, 0)
  put(300)
  // Keys: the store's id (4), 1, the text, 0. Rows: flags (1), timestamp (8), 1, a varint of 1 byte. Beside them 48 for each entry.
  t.equal(store.bufferedBytes, (4 + 1 + 1 + 1) + (4 + 1 + 3 + 1) + 2 * (1 + 8 + 1 + 1) + 2 * 48)
  put(2 ** 52 + 1)
  flush()
  store.reset()
  t.strictSame([...store.scan()].map(({ key, row }) => [...key, ...row]), [['a', 2n ** 52n + 1n], ['bcd', 2n ** 52n + 1n]])
  store.close()
})
