// What SET and DEFINE make of a request's session, and the statements that only do that.
import type { Statement } from '../sql/ast.js'
import { EngineError } from './errors.js'
import { bareName, checkValue, isImmutable, isKnownProperty } from './properties.js'

export interface Session {
  /** By bare names. */
  properties: Record<string, string>
  readonly variables: Map<string, string>
}

/** True where the statement changed the session, and is thereby done. Throws EngineError. */
export function changeSession (statement: Statement, session: Session, text: string): boolean {
  switch (statement.node) {
    case 'SetProperty':
      refuseUnknownProperty(statement.name, text)
      if (isImmutable(statement.name)) throw new EngineError(`Cannot override property '${statement.name}'`, text)
      session.properties[bareName(statement.name)] = checkValue(statement.name, statement.value, text)
      return true
    case 'UnsetProperty':
      refuseUnknownProperty(statement.name, text)
      delete session.properties[bareName(statement.name)]
      return true
    case 'DefineVariable':
      session.variables.set(statement.name, statement.value)
      return true
    case 'UndefineVariable':
      session.variables.delete(statement.name)
      return true
    default: return false
  }
}

/** Kafka's own settings are taken by any name; those of ksql must be known. */
function refuseUnknownProperty (name: string, text: string): void {
  if (name.startsWith('ksql.') && !name.startsWith('ksql.streams.') && !isKnownProperty(name)) throw new EngineError(`Unknown property: ${name}`, text)
}
