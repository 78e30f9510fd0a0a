// The one error by which planning refuses a statement: its message is what ksqlDB would answer.

/** A statement that cannot be planned (ksqlDB's KsqlException): the client's fault, answered as 40001 by the server. */
export class KsqlError extends Error {
  override readonly name: string = 'KsqlError'
}
