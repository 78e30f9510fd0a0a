import t from 'tap'
import type { Api } from '../../../../embedded/broker/protocol/api.js'
import { advertisedVersions, APIS, isFlexible } from '../../../../embedded/broker/protocol/apis.js'
import { readRequestHeader } from '../../../../embedded/broker/protocol/header.js'
import { Reader } from '../../../../embedded/broker/protocol/reader.js'
import { frameOf, everyFrame } from './frames.js'
import { SAMPLES } from './samples.js'

t.test('every request in every version reads back as it was written, to the last byte', async t => {
  for (const { name, version, frame } of everyFrame()) {
    const reader = new Reader(frame)
    const header = readRequestHeader(reader, isFlexible)
    t.match(header, { apiKey: APIS[name].key, apiVersion: version, correlationId: 7, clientId: 'test' })
    const request = (APIS[name] as Api).request.read(reader, version)
    t.equal(reader.remaining, 0, `${name} ${version} is read to its end`)
    t.equal(frameOf(name, version, request).toString('hex'), frame.toString('hex'), `${name} ${version}`)
  }
})

t.test('every API has a sample', async t => {
  const without = Object.keys(APIS).filter(name => !Object.hasOwn(SAMPLES, name))
  // The administrators' looks at transactions have tests of their own.
  t.strictSame(without.filter(name => !['describeProducers', 'describeTransactions', 'listTransactions'].includes(name)), [])
})

t.test('the advertised versions are those that Kafka 3.9 knows', async t => {
  const versions = new Map(advertisedVersions().map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]))
  // Key → newest version of Apache Kafka 3.9's protocol guide: nothing may be promised that a client of then could not know.
  const newest: [number, number][] = [
    [0, 11], [1, 17], [2, 9], [3, 12], [8, 9], [9, 9], [10, 6], [11, 9], [12, 4], [13, 5], [14, 5],
    [15, 5], [16, 5], [17, 1], [18, 4], [19, 7], [20, 6], [21, 2], [22, 5], [23, 4], [24, 5],
    [25, 4], [26, 4], [28, 4], [32, 4], [33, 2], [36, 2], [37, 3], [42, 2], [44, 1], [47, 0], [60, 1]
  ]
  for (const [key, max] of newest) {
    const found = versions.get(key)
    t.ok(found !== undefined && found[1]! <= max, `API ${key}: ${found?.join(' to ')}`)
  }
})
