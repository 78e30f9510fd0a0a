// How the engine refuses: with the error code, message and statement that ksqlDB's REST API would answer.
import { KsqlError } from '../plan/error.js'
import { SqlSyntaxError } from '../sql/parser.js'

/** `statementText` present: ksqlDB answers a statement_error, else a generic_error. `code` is HTTP status times 100, and a little. */
export class EngineError extends Error {
  readonly code: number
  readonly statementText: string | undefined
  /** The answers to the statements of the same request that were carried out before. */
  entities: readonly unknown[] = []

  constructor (message: string, statementText?: string, code = statementText === undefined ? 40000 : 40001) {
    super(message)
    this.name = 'EngineError'
    this.code = code
    this.statementText = statementText
  }
}

/** Any error as an EngineError: what the statement's author can mend as 400, all else as 500. */
export function toEngineError (error: unknown, statementText?: string): EngineError {
  if (error instanceof EngineError) return error
  if (error instanceof SqlSyntaxError) return new EngineError(error.message, error.sqlText)
  if (error instanceof KsqlError) return new EngineError(error.rawMessage, statementText)
  const message = error instanceof Error ? error.message : String(error)
  if (isClientFault(error)) return new EngineError(message, statementText)
  return new EngineError(message, statementText, 50000)
}

/** Errors by name, since they come from modules that know nothing of the engine. */
function isClientFault (error: unknown): boolean {
  return error instanceof Error && ['SerdeError', 'LogError', 'RegistryError', 'PrepareError', 'DecimalError'].includes(error.name)
}
