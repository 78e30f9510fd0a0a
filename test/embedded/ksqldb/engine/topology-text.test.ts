// EXPLAIN's topology: each node is named once, and says who comes before and after it.
import t from 'tap'
import { topologyText } from '../../../../embedded/ksqldb/engine/topology-text.js'
import { Plans } from '../plan/support.js'

t.test('a join and an aggregate between two sources and a sink', async t => {
  const plans = new Plans()
  plans.run(`CREATE STREAM orders (id STRING KEY, item STRING, n INT) WITH (KAFKA_TOPIC='orders-topic', VALUE_FORMAT='JSON');
    CREATE TABLE items (item STRING PRIMARY KEY, kind STRING) WITH (KAFKA_TOPIC='items-topic', VALUE_FORMAT='JSON');`)
  const { plan } = plans.plan(`CREATE TABLE by_kind WITH (KAFKA_TOPIC='kinds') AS
    SELECT i.kind AS kind, SUM(o.n) AS n FROM orders o JOIN items i ON o.item = i.item GROUP BY i.kind;`)
  const lines = topologyText(plan).split('\n')
  t.same(lines.slice(0, 2), ['Topologies:', '   Sub-topology: 0'])
  t.same(lines.slice(-2), ['', ''])
  const nodes = lines.flatMap(line => /^ {4}(Source|Processor|Sink): (\S+) \((.*)\)$/.exec(line)?.slice(1) ?? []).length / 3
  const names = lines.flatMap(line => /^ {4}\w+: (\S+) /.exec(line)?.slice(1) ?? [])
  t.equal(new Set(names).size, nodes, 'no name twice')
  t.equal(lines.filter(line => /Source: KSTREAM-SOURCE-\d{10} \(topics: \[(orders|items)-topic\]\)$/.test(line)).length, 2)
  t.equal(lines.filter(line => /Sink: KSTREAM-SINK-\d{10} \(topic: kinds\)$/.test(line)).length, 1)
  t.ok(lines.some(line => line.includes('Processor: Aggregate') && !line.includes('stores: []')), 'the aggregate has a store')
  const linked = lines.flatMap(line => /^ {6}(?:-->|<--) (.+)$/.exec(line)?.[1]?.split(', ') ?? [])
  t.ok(linked.every(name => name === 'none' || names.includes(name)), 'links lead to nodes')
})
