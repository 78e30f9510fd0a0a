// What an operator throws on a null operand: as in ksqlDB's generated Java code, it makes the whole expression null, not only the operator.

class NullOperandError extends Error {
  override readonly name = 'NullOperandError'
}

/** Thrown as it stands, since building an Error for each row with a null would be slow. */
export const NULL_OPERAND: Error = new NullOperandError('an operand is null')
