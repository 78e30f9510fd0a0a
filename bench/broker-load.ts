// What every client of the broker benchmark sends, so that the clients can be compared.

export const BATCH_RECORDS = 500
export const RECORD_BYTES = 200
/** Requests on their way at once, as Java's producer has them (max.in.flight.requests.per.connection). */
export const IN_FLIGHT = 5
