// The three forms in which rows go over the wire, chosen by path and Accept.
import { printSqlType } from '../sql/sql-type.js'
import type { ResultColumn } from '../engine/queries.js'
import { perColumns } from './per-columns.js'

export const DELIMITED_TYPE = 'application/vnd.ksqlapi.delimited.v1'
export const KSQL_V1_TYPE = 'application/vnd.ksql.v1+json'

/** What stands before, between and behind rows; `row` takes the row's columns as a JSON array. */
export interface QueryForm {
  readonly contentType: string
  readonly header: (id: string, columns: readonly ResultColumn[], isTable: boolean) => string
  readonly row: (columns: string, tombstone: boolean) => string
  /** Said of a query that ended by its LIMIT, where the form says it at all. */
  readonly limitReached: string
  /** Said of a query over a stream as it stands, at the stream's end. */
  readonly completed: string
  readonly error: (body: string) => string
  readonly end: string
}

const namesAndTypes = perColumns(columns =>
  `"columnNames":${JSON.stringify(columns.map(column => column.name))},"columnTypes":${JSON.stringify(columns.map(column => printSqlType(column.type)))}`)

function metadata (id: string, columns: readonly ResultColumn[]): string {
  return `{"queryId":${JSON.stringify(id)},${namesAndTypes(columns)}}`
}

/** One JSON value a line. */
const delimited: QueryForm = {
  contentType: DELIMITED_TYPE,
  header: (id, columns) => `${metadata(id, columns)}\n`,
  row: columns => `${columns}\n`,
  limitReached: '',
  completed: '',
  error: body => `${body}\n`,
  end: ''
}

/** One JSON array. */
const json: QueryForm = {
  contentType: 'application/json',
  header: (id, columns) => `[${metadata(id, columns)}`,
  row: columns => `,${columns}`,
  limitReached: '',
  completed: '',
  error: body => `,${body}`,
  end: ']'
}

/** The form of the old /query: an array with one object a line. */
const ksqlV1: QueryForm = {
  contentType: KSQL_V1_TYPE,
  header: (id, columns) => {
    const schema = columns.map(({ name, type, isKey }) => `\`${name}\` ${printSqlType(type)}${isKey ? ' KEY' : ''}`).join(', ')
    return `[${JSON.stringify({ header: { queryId: id, schema } })}`
  },
  row: (columns, tombstone) => `,\n{"row":{"columns":${columns}${tombstone ? ',"tombstone":true' : ''}}}`,
  limitReached: ',\n{"finalMessage":"Limit Reached"}',
  completed: ',\n{"finalMessage":"Query Completed"}',
  error: body => `,\n{"errorMessage":${body}}`,
  end: ']'
}

/** By path and Accept: `/query-stream` is delimited unless asked otherwise, `/query` its old form unless asked for the delimited one. */
export function formFor (path: string, accept: string | undefined): QueryForm {
  const wanted = accept ?? ''
  if (wanted.includes(DELIMITED_TYPE)) return delimited
  if (path === '/query') return ksqlV1
  if (wanted.includes(KSQL_V1_TYPE)) return ksqlV1
  return wanted.includes('application/json') ? json : delimited
}
