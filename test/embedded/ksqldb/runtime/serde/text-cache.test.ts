// Text read through the cache is the text that is there, whatever came before.
import t from 'tap'
import { ByteReader } from '../../../../../embedded/ksqldb/runtime/bytes.js'
import { TextCache } from '../../../../../embedded/ksqldb/runtime/serde/text-cache.js'
import { randomFrom } from '../../../../helpers/random.js'

function read (cache: TextCache, text: string): string {
  const data = Buffer.concat([Buffer.of(1), Buffer.from(text), Buffer.of(2)])
  const reader = new ByteReader(data, 1)
  const found = cache.read(reader, data.length - 2)
  if (reader.at !== data.length - 1) throw new Error('the reader does not stand behind the text')
  return found
}

t.test('few texts, many texts, all kinds of characters', async t => {
  const random = randomFrom(7)
  const cache = new TextCache()
  const common = ['', 'Chrome', 'Chrone', 'é', 'Ã©', 'zażółć', '中文', '\u0000', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(129), '🙂']
  let wrong = 0
  for (let n = 0; n < 100_000; n++) {
    // Stretches of ever new texts let the cache step aside and come back.
    const text = n % 50_000 < 20_000 ? common[Math.floor(random() * common.length)]! : `${n}-${random()}${n % 3 === 0 ? 'ü' : ''}`
    if (read(cache, text) !== text) wrong++
  }
  t.equal(wrong, 0)
  t.throws(() => cache.read(new ByteReader(Buffer.from('abc')), 4), { name: 'CorruptDataError' })
})
