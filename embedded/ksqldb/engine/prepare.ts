// The first look at a statement that changes the engine: its WITH clause, its sources, its columns.
import { sanitizeStatement } from '../plan/planner.js'
import { WithClause, type WithClauseKind } from '../plan/with-clause.js'
import type { SourceProperties } from '../sql/ast.js'
import { isChanging, type ChangingStatement } from './change.js'
import type { EngineState } from './state.js'

/** The statement with all names explicit. Throws KsqlError. */
export function prepare (statement: ChangingStatement, state: EngineState): ChangingStatement {
  if (statement.node === 'CreateSource') checkWithClause(statement.properties, 'CREATE')
  if (statement.node === 'CreateAsSelect') checkWithClause(statement.properties, 'CREATE AS')
  const sanitized = sanitizeStatement(statement, state)
  return isChanging(sanitized) ? sanitized : statement
}

function checkWithClause (properties: SourceProperties, kind: WithClauseKind): WithClause {
  return new WithClause(properties, kind)
}
