// The one error by which planning refuses a statement: its message is what ksqlDB would answer.

/** A statement that cannot be planned (ksqlDB's KsqlException): the client's fault, answered as 40001 by the server. */
export class KsqlError extends Error {
  override readonly name: string = 'KsqlError'
  /** Where it is a KsqlStatementException: the message without the statement at its end. */
  readonly rawMessage: string

  constructor (message: string, rawMessage = message) {
    super(message)
    this.rawMessage = rawMessage
  }
}

/** ksqlDB's KsqlStatementException: the statement, or part of it, stands on a line of its own after the message. */
export function statementError (message: string, statement: string): KsqlError {
  return new KsqlError(`${message}\nStatement: ${statement}`, message)
}
