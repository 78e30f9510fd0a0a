import t from 'tap'
import { Gathering } from '../../../gateway/metrics/gather.js'

const measures = (value: number): any => [{ name: 'a_total', help: 'a', type: 'counter', aggregator: 'sum', values: [{ value, labels: {} }] }]

const leader = () => {
  const sent: Array<[worker: number, message: any]> = []
  return { sent, gathering: new Gathering((worker, message) => { sent.push([worker, message]) }) }
}

t.test('all that are ready are asked, and the asker has the answers of all', async t => {
  const { sent, gathering } = leader()
  gathering.received(2, { type: 'gather' }, [1, 2, 3])
  t.strictSame(sent.splice(0), [[1, { type: 'measure', ask: 0 }], [2, { type: 'measure', ask: 0 }], [3, { type: 'measure', ask: 0 }]])
  for (const worker of [1, 3, 3]) gathering.received(worker, { type: 'measures', ask: 0, measures: measures(worker) }, [])
  t.strictSame(sent, [], 'one is missing, however often another answers')
  gathering.received(2, { type: 'measures', ask: 0, measures: measures(2) }, [])
  t.strictSame(sent, [[2, { type: 'gathered', all: [measures(1), measures(3), measures(2)] }]])
})

t.test('asks of several do not mix; nobody waits for the dead', async t => {
  const { sent, gathering } = leader()
  gathering.received(1, { type: 'gather' }, [1, 2])
  gathering.received(2, { type: 'gather' }, [1, 2])
  sent.splice(0)
  gathering.received(1, { type: 'measures', ask: 1, measures: measures(11) }, [])
  gathering.received(1, { type: 'measures', ask: 0, measures: measures(10) }, [])
  gathering.gone(2)
  t.strictSame(sent, [[1, { type: 'gathered', all: [measures(10)] }], [2, { type: 'gathered', all: [measures(11)] }]])
  gathering.received(2, { type: 'measures', ask: 1, measures: measures(20) }, [])
  gathering.received(1, { type: 'ready' }, [1])
  gathering.received(1, null, [1])
  t.equal(sent.length, 2, 'what comes late, or is for others, is passed over')
})
