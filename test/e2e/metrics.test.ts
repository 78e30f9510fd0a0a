// What Prometheus is told of a running service agrees with what was done to it.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { sample } from '../helpers/metrics.js'
import { readTopic } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { skipWithoutBuild, startService, topicName } from './support.js'

t.setTimeout(300_000)

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

t.test('metrics', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)
  await gateway.call('POST', '/api/links', { url: 'https://example.com/measured', slug: 'measured' }, { traceparent })
  for (let i = 0; i < 5; i++) t.equal((await gateway.call('GET', '/measured', undefined, i === 0 ? { traceparent } : {})).status, 302)
  t.equal((await gateway.call('GET', '/nobody-made-this')).status, 404)
  await gateway.call('GET', '/api/links/measured')
  const { status, headers, text } = await until('the visits shipped', async () => {
    const answer = await gateway.call('GET', '/metrics')
    return sample(answer.text, 'linklog_visits_shipped_total') === 6 && answer
  })
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  for (const [name, value] of [
    ['linklog_redirect_duration_seconds_count{outcome="redirected"}', 5], ['linklog_redirect_duration_seconds_count{outcome="not_found"}', 1],
    ['linklog_cache_hits_total', 5], ['linklog_visits_recorded_total', 6], ['linklog_visits_dropped_total', 0], ['linklog_spool_unshipped_bytes', 0],
    ['linklog_spool_oldest_age_seconds', 0], ['linklog_log_connected', 1], ['linklog_ship_failures_total', 0],
    ['linklog_http_request_duration_seconds_count{method="POST",route="/api/links",status="201"}', 1],
    ['linklog_http_request_duration_seconds_count{method="GET",route="/api/links/:link",status="200"}', 1]
  ] as const) t.equal(sample(text, name), value, name)
  t.equal(sample(text, 'linklog_redirect_duration_seconds_bucket{outcome="redirected",le="+Inf"}'), 5)
  t.ok((sample(text, 'linklog_pull_duration_seconds_count{outcome="ok"}') ?? 0) >= 2, 'the create, the miss and the read asked ksqlDB')
  t.ok((sample(text, 'process_resident_memory_bytes') ?? 0) > 1e6)

  await t.test('every name that the dashboard asks for is there', async t => {
    const dashboard = readFileSync(new URL('../../docs/grafana-dashboard.json', import.meta.url), 'utf8')
    for (const name of new Set(dashboard.match(/\b(?:linklog|nodejs|process)_[a-z0-9_]+/g))) t.ok(text.includes(`\n${name}`) || text.startsWith(name), name)
  })

  await t.test('the trace of a request goes along with its event', async t => {
    const events = await readTopic(gateway, topicName(gateway.prefix, 'link-events'))
    t.strictSame(events.map(({ headers }) => headers), [{ traceparent }])
    const visits = await readTopic(gateway, topicName(gateway.prefix, 'visits'))
    t.strictSame(visits.map(({ headers }) => headers.traceparent).filter(header => header !== undefined), [traceparent])
    t.equal(visits.length, 6)
  })
})
