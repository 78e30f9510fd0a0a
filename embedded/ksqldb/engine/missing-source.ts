// The first thing that ksqlDB checks of a statement with a query: that what it reads from and inserts into is there.
import type { MetaStore } from '../plan/metastore.js'
import type { Query, Statement } from '../sql/ast.js'
import { EngineError } from './errors.js'

type WithQuery = Extract<Statement, { node: 'CreateAsSelect' | 'InsertInto' }>

const PREFIX = 'Exception while preparing statement: '

/** Throws EngineError in the words of ksqlDB's DataSourceExtractor and AstSanitizer. */
export function refuseMissingSources (statement: WithQuery | { readonly node: 'Select', readonly query: Query }, metastore: MetaStore, text: string): void {
  for (const { relation } of [statement.query.from, ...statement.query.joins.map(join => join.relation)]) {
    if (metastore.source(relation) === undefined) throw new EngineError(`${PREFIX}${relation} does not exist.`, text)
  }
  if (statement.node === 'InsertInto') refuseTarget(statement, metastore, text)
}

function refuseTarget (statement: Extract<Statement, { node: 'InsertInto' }>, metastore: MetaStore, text: string): void {
  const target = metastore.source(statement.target)
  const { line, column } = statement.location ?? { line: 1, column: 1 }
  if (target === undefined) throw new EngineError(`${PREFIX}Line: ${line}, Col: ${column + 12}: Source \`${statement.target}\` does not exist.`, text)
  if (target.kind !== 'STREAM') {
    throw new EngineError(`${PREFIX}INSERT INTO can only be used to insert into a stream. ${target.name} is a table.`, text)
  }
  if (target.schema.value.some(column => column.headerKey !== undefined)) {
    throw new EngineError(`${PREFIX}Cannot insert into ${target.name} because it has header columns`, text)
  }
}
