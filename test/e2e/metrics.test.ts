// What Prometheus is told of a running service agrees with what was done to it.
import t from 'tap'
import { skipWithoutBuild, startService } from './support.js'

t.setTimeout(120_000)

/** The value of one sample, its labels written as in the text. */
const sample = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find(line => line.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}

t.test('metrics', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)
  await gateway.call('POST', '/api/links', { url: 'https://example.com/measured', slug: 'measured' })
  for (let i = 0; i < 5; i++) t.equal((await gateway.call('GET', '/measured')).status, 302)
  t.equal((await gateway.call('GET', '/nobody-made-this')).status, 404)
  await gateway.call('GET', '/api/links/measured')
  const { status, headers, text } = await gateway.call('GET', '/metrics')
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.ok((sample(text, 'linklog_cache_hits_total') ?? 0) >= 5)
  t.ok((sample(text, 'linklog_cache_misses_total') ?? 0) >= 1)
  t.equal(sample(text, 'linklog_http_request_duration_seconds_count{method="POST",route="/api/links",status="201"}'), 1)
  t.equal(sample(text, 'linklog_http_request_duration_seconds_count{method="GET",route="/api/links/:link",status="200"}'), 1)
  t.ok((sample(text, 'linklog_pull_duration_seconds_count{outcome="ok"}') ?? 0) >= 2, 'the create, the miss and the read asked ksqlDB')
  t.ok((sample(text, 'process_resident_memory_bytes') ?? 0) > 1e6)
})
