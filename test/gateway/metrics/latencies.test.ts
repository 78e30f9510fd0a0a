// The hot path's histogram gives what a Prometheus histogram is: cumulative buckets with their upper bounds included, sum and count.
import t from 'tap'
import { bucketsSeconds, Latencies } from '../../../gateway/metrics/latencies.js'

const valueOf = (latencies: Latencies, suffix: string, labels: Record<string, string>): number | undefined =>
  latencies.samples('x').find(sample => sample.metricName === `x_${suffix}` && Object.entries(labels).every(([name, value]) => sample.labels[name] === value))?.value

t.test('buckets are cumulative and hold their upper bound', async t => {
  const latencies = new Latencies('outcome')
  for (const seconds of [0.0001, 0.0002, 0.004, 20]) latencies.observe('redirected', seconds)
  const below = (le: string) => valueOf(latencies, 'bucket', { outcome: 'redirected', le })
  t.equal(below('0.0001'), 1)
  t.equal(below('0.00025'), 2)
  t.equal(below('0.0025'), 2)
  t.equal(below('0.005'), 3)
  t.equal(below('10'), 3)
  t.equal(below('+Inf'), 4)
  t.equal(valueOf(latencies, 'count', { outcome: 'redirected' }), 4)
  t.ok(Math.abs((valueOf(latencies, 'sum', { outcome: 'redirected' }) ?? 0) - 20.0043) < 1e-9)
})

t.test('values known from the start are there with zeros, so that a rate can be taken of them', async t => {
  const latencies = new Latencies('outcome', ['redirected', 'not_found'])
  t.equal(valueOf(latencies, 'count', { outcome: 'not_found' }), 0)
  t.equal(latencies.samples('x').filter(({ metricName }) => metricName === 'x_bucket').length, 2 * (bucketsSeconds.length + 1))
})

t.test('series are bounded', async t => {
  const latencies = new Latencies('route', [], 2)
  for (const route of ['a', 'b', 'c', 'd']) latencies.observe(route, 0.1)
  t.equal(valueOf(latencies, 'count', { route: 'other' }), 2)
  t.equal(valueOf(latencies, 'count', { route: 'c' }), undefined)
})
