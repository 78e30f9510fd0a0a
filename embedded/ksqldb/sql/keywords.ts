// The words of the language: which are keywords at all, and which of them may still stand as an identifier.
// Source: the token list and the rule `nonReserved` of ksqlDB's SqlBase.g4.

/** Keywords that can be an identifier only in backticks. */
const RESERVED = `SELECT FROM AS ALL DISTINCT WHERE WITHIN WINDOW GROUP BY HAVING LIMIT AT OR AND IN NOT EXISTS BETWEEN LIKE IS NULL TRUE FALSE
MILLISECOND YEARS MONTHS DAYS HOURS MINUTES SECONDS MILLISECONDS TUMBLING HOPPING SIZE ADVANCE RETENTION CASE WHEN THEN ELSE END JOIN FULL OUTER
INNER LEFT RIGHT ON WITH VALUES CREATE TABLE TOPIC STREAM STREAMS INSERT DELETE INTO DESCRIBE EXTENDED PRINT CAST LIST TOPICS QUERY QUERIES
TERMINATE PAUSE RESUME LOAD DROP TO RENAME SAMPLE EXPORT CATALOG PROPERTIES BEGINNING UNSET RUN SCRIPT DECIMAL CONNECTOR CONNECTORS NAMESPACE
MATERIALIZED VIEW`

/** Keywords that stand as identifiers without quotes. */
const NON_RESERVED = `SHOW TABLES COLUMNS COLUMN PARTITIONS FUNCTIONS FUNCTION SESSION STRUCT MAP ARRAY PARTITION INTEGER DATE TIME TIMESTAMP INTERVAL
ZONE STRING YEAR MONTH DAY HOUR MINUTE SECOND EXPLAIN ANALYZE TYPE TYPES SET RESET IF SOURCE SINK PRIMARY KEY EMIT CHANGES FINAL ESCAPE REPLACE
ASSERT ALTER ADD HEADER HEADERS GRACE PERIOD DEFINE UNDEFINE VARIABLES PLUGINS SYSTEM TIMEOUT SCHEMA SUBJECT ID`

const reserved: ReadonlySet<string> = new Set(RESERVED.split(/\s+/))
const nonReserved: ReadonlySet<string> = new Set(NON_RESERVED.split(/\s+/))

/** True for a word (in upper case) that cannot be an identifier without quotes. */
export function isReserved (word: string): boolean {
  return reserved.has(word)
}

/** Every keyword in upper case, reserved or not: what ksqlDB refuses as the name of a function. */
export function isKeyword (word: string): boolean {
  return reserved.has(word) || nonReserved.has(word)
}

/** The words a statement may begin with, in the order in which ksqlDB looks for the one that was meant. */
export const STATEMENT_WORDS = ['SELECT', 'CREATE', 'INSERT', 'DESCRIBE', 'PRINT', 'EXPLAIN', 'SHOW', 'LIST', 'TERMINATE', 'PAUSE', 'RESUME', 'DROP',
  'SET', 'DEFINE', 'UNDEFINE', 'UNSET', 'ASSERT', 'ALTER'] as const

const plainIdentifier = /^[A-Z_][A-Z0-9_@]*$/
const digitIdentifier = /^[0-9][A-Z0-9_@]+$/
const number = /^[0-9]+(E[0-9]+)?$/

/** True where a name reads back as itself only in backticks (IdentifierUtil.needsQuotes). */
export function needsQuotes (name: string): boolean {
  if (plainIdentifier.test(name)) return reserved.has(name)
  return !(digitIdentifier.test(name) && !number.test(name))
}

/** The name as it must be written: bare where that reads back as itself, else in backticks. */
export function quoteIdentifier (name: string): string {
  return needsQuotes(name) ? backquote(name) : name
}

/** Always in backticks. */
export function backquote (name: string): string {
  return '`' + (name.includes('`') ? name.replaceAll('`', '``') : name) + '`'
}
