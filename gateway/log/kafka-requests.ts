// Connections to Kafka that cost nothing while nothing is asked. kafkajs 2.2.4 looks on each of them, once a millisecond and for ever, whether requests wait
// to be sent (its issues 1556 and 1704; their fix has not been released). Here it looks while some do.
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'

const schedule = RequestQueue.prototype.scheduleCheckPendingRequests

/** For all clients of this thread. Requests wait where a broker throttles, or as many are under way as may be: then kafkajs looks again as it always did. */
export const lookOnlyWhereRequestsWait = (): void => {
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
