import t, { type Test } from 'tap'
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import { lookOnlyWhereRequestsWait } from '../../../gateway/log/kafka-requests.js'
import { until } from '../../helpers/until.js'

lookOnlyWhereRequestsWait()

/** A queue of a connection, its requests answered by hand, and what was sent so far. */
const queueOf = (test: Test, maxInFlightRequests: number | null) => {
  const logger = { debug: () => {}, warn: () => {} }
  const queue = new RequestQueue({ maxInFlightRequests, requestTimeout: 10_000, enforceRequestTimeout: false, clientId: 'test', broker: 'test:9092', logger })
  test.teardown(() => queue.destroy())
  const sent: number[] = []
  const answered: number[] = []
  const ask = (correlationId: number): void => queue.push({
    entry: { correlationId, resolve: () => answered.push(correlationId), reject: error => test.fail(error.message) },
    expectResponse: true,
    sendRequest: () => sent.push(correlationId)
  })
  const answer = (correlationId: number): void => queue.fulfillRequest({ correlationId, payload: {}, size: 1 })
  return { queue, sent, answered, ask, answer }
}

t.test('where no request waits, none is looked for', async t => {
  const { queue, sent, answered, ask, answer } = queueOf(t, null)
  ask(1)
  answer(1)
  t.equal(queue.throttleCheckTimeoutId, null, 'after an answer no timer runs')
  t.same([sent, answered], [[1], [1]])
})

t.test('as many are under way as may be: the next leaves with an answer, and none is looked for behind it', async t => {
  const { queue, sent, ask, answer } = queueOf(t, 1)
  ask(1)
  ask(2)
  t.same(sent, [1])
  answer(1)
  t.same(sent, [1, 2])
  answer(2)
  await until('the timer of the one that waited has ended', async () => queue.throttleCheckTimeoutId === null, 10_000)
})

t.test('a broker throttles: what is asked meanwhile leaves by itself', async t => {
  const { queue, sent, answered, ask, answer } = queueOf(t, null)
  ask(1)
  queue.maybeThrottle(50)
  answer(1)
  ask(2)
  t.same([sent, answered, queue.pending.length], [[1], [1], 1])
  await until('it has left', async () => sent.length === 2, 10_000)
  answer(2)
  t.same(answered, [1, 2])
  await until('nothing more is looked for', async () => queue.throttleCheckTimeoutId === null, 10_000)
})
