// The tree that the parser gives: statements, relations and expressions by ksqlDB's own names (io.confluent.ksql.parser.tree
// and io.confluent.ksql.execution.expression.tree). Identifiers hold the name as resolved: upper-cased unless it was quoted.
import type { SqlType } from './sql-type.js'

/** Where a node begins in the statement's text; both count from 1 as ksqlDB prints them ("Line: 1, Col: 8"). */
export interface NodeLocation { readonly line: number, readonly column: number }

interface Node { readonly location?: NodeLocation }

// ---- expressions

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'
export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=' | 'IS DISTINCT FROM' | 'IS NOT DISTINCT FROM'
export interface WhenClause { readonly operand: Expression, readonly result: Expression }
export type IntervalUnitName = 'MILLISECONDS' | 'SECONDS' | 'MINUTES' | 'HOURS' | 'DAYS' | 'WEEKS' | 'MONTHS' | 'YEARS'

export type Literal = Node & (
  | { readonly node: 'NullLiteral' }
  | { readonly node: 'BooleanLiteral', readonly value: boolean }
  | { readonly node: 'IntegerLiteral', readonly value: number }
  | { readonly node: 'LongLiteral', readonly value: bigint }
  | { readonly node: 'DoubleLiteral', readonly value: number }
  /** `value` is the text of the literal, which decides precision and scale. */
  | { readonly node: 'DecimalLiteral', readonly value: string }
  | { readonly node: 'StringLiteral', readonly value: string }
)

export type Expression = Literal | (Node & (
  | { readonly node: 'UnqualifiedColumnReference', readonly name: string }
  | { readonly node: 'QualifiedColumnReference', readonly qualifier: string, readonly name: string }
  /** A name bound by an enclosing LambdaFunctionCall; the parser tells it from a column. */
  | { readonly node: 'LambdaVariable', readonly name: string }
  | { readonly node: 'LambdaFunctionCall', readonly parameters: readonly string[], readonly body: Expression }
  | { readonly node: 'ArithmeticBinary', readonly operator: ArithmeticOperator, readonly left: Expression, readonly right: Expression }
  | { readonly node: 'ArithmeticUnary', readonly sign: '+' | '-', readonly value: Expression }
  | { readonly node: 'Comparison', readonly operator: ComparisonOperator, readonly left: Expression, readonly right: Expression }
  | { readonly node: 'LogicalBinary', readonly operator: 'AND' | 'OR', readonly left: Expression, readonly right: Expression }
  | { readonly node: 'Not', readonly value: Expression }
  | { readonly node: 'IsNull', readonly value: Expression }
  | { readonly node: 'IsNotNull', readonly value: Expression }
  | { readonly node: 'Between', readonly value: Expression, readonly min: Expression, readonly max: Expression }
  | { readonly node: 'InPredicate', readonly value: Expression, readonly values: readonly Expression[] }
  | { readonly node: 'Like', readonly value: Expression, readonly pattern: Expression, readonly escape?: string }
  | { readonly node: 'FunctionCall', readonly name: string, readonly arguments: readonly Expression[] }
  | { readonly node: 'Cast', readonly expression: Expression, readonly type: SqlType }
  | { readonly node: 'SearchedCase', readonly whenClauses: readonly WhenClause[], readonly defaultValue?: Expression }
  | { readonly node: 'SimpleCase', readonly operand: Expression, readonly whenClauses: readonly WhenClause[], readonly defaultValue?: Expression }
  | { readonly node: 'Subscript', readonly base: Expression, readonly index: Expression }
  | { readonly node: 'Dereference', readonly base: Expression, readonly fieldName: string }
  | { readonly node: 'CreateArray', readonly values: readonly Expression[] }
  | { readonly node: 'CreateMap', readonly entries: readonly { readonly key: Expression, readonly value: Expression }[] }
  | { readonly node: 'CreateStruct', readonly fields: readonly { readonly name: string, readonly value: Expression }[] }
  | { readonly node: 'IntervalUnit', readonly unit: IntervalUnitName }
))

export type ExpressionNode = Expression['node']

// ---- queries

export type SelectItem = Node & (
  /** `*`, or `source.*`. */
  | { readonly node: 'AllColumns', readonly source?: string }
  /** `expression.*` over a STRUCT. */
  | { readonly node: 'StructAll', readonly baseStruct: Expression }
  | { readonly node: 'SingleColumn', readonly expression: Expression, readonly alias?: string }
)

export interface WindowTime { readonly value: number, readonly unit: IntervalUnitName }

export interface WindowExpression extends Node {
  readonly node: 'WindowExpression'
  readonly windowType: 'TUMBLING' | 'HOPPING' | 'SESSION'
  /** The size of a tumbling or hopping window, the gap of a session window. */
  readonly size: WindowTime
  readonly advanceBy?: WindowTime
  readonly retention?: WindowTime
  readonly gracePeriod?: WindowTime
}

export interface WithinExpression extends Node {
  readonly node: 'WithinExpression'
  readonly before: WindowTime
  readonly after: WindowTime
  /** True for `WITHIN (a, b)`: printed so. */
  readonly separate: boolean
  readonly gracePeriod?: WindowTime
}

export interface AliasedRelation extends Node {
  readonly node: 'AliasedRelation'
  /** The source's name. */
  readonly relation: string
  readonly alias: string
}

export interface JoinedSource extends Node {
  readonly relation: AliasedRelation
  readonly joinType: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly criteria: Expression
  readonly within?: WithinExpression
}

export interface Query extends Node {
  readonly node: 'Query'
  readonly select: readonly SelectItem[]
  readonly from: AliasedRelation
  readonly joins: readonly JoinedSource[]
  readonly window?: WindowExpression
  readonly where?: Expression
  readonly groupBy?: { readonly expressions: readonly Expression[] }
  readonly partitionBy?: { readonly expressions: readonly Expression[] }
  readonly having?: Expression
  /** EMIT CHANGES, EMIT FINAL, or nothing: a pull query when it stands alone. */
  readonly refinement?: 'CHANGES' | 'FINAL'
  readonly limit?: number
}

// ---- statements

export interface TableElement extends Node {
  readonly name: string
  readonly type: SqlType
  readonly constraint: 'NONE' | 'KEY' | 'PRIMARY KEY' | 'HEADERS'
  /** `HEADER('name')`: the header's key; absent for HEADERS. */
  readonly headerKey?: string
}

/** A WITH clause: names upper-cased, values as literals, in the order written. */
export type SourceProperties = ReadonlyMap<string, Literal>

export type Statement = Node & (
  | Query
  | { readonly node: 'CreateSource', readonly kind: 'STREAM' | 'TABLE', readonly name: string, readonly orReplace: boolean, readonly ifNotExists: boolean
    /** CREATE SOURCE STREAM / TABLE: read only. */
    readonly isSource: boolean, readonly elements: readonly TableElement[], readonly properties: SourceProperties }
  | { readonly node: 'CreateAsSelect', readonly kind: 'STREAM' | 'TABLE', readonly name: string, readonly orReplace: boolean, readonly ifNotExists: boolean
    readonly properties: SourceProperties, readonly query: Query }
  | { readonly node: 'InsertInto', readonly target: string, readonly properties: SourceProperties, readonly query: Query }
  | { readonly node: 'InsertValues', readonly target: string, readonly columns: readonly string[], readonly values: readonly Expression[] }
  | { readonly node: 'DropSource', readonly kind: 'STREAM' | 'TABLE', readonly name: string, readonly ifExists: boolean, readonly deleteTopic: boolean }
  | { readonly node: 'AlterSource', readonly kind: 'STREAM' | 'TABLE', readonly name: string, readonly columns: readonly { readonly name: string, readonly type: SqlType }[] }
  | { readonly node: 'RegisterType', readonly name: string, readonly type: SqlType, readonly ifNotExists: boolean }
  | { readonly node: 'DropType', readonly name: string, readonly ifExists: boolean }
  /** `queryId` absent: ALL. */
  | { readonly node: 'TerminateQuery' | 'PauseQuery' | 'ResumeQuery', readonly queryId?: string }
  | { readonly node: 'SetProperty', readonly name: string, readonly value: string }
  | { readonly node: 'UnsetProperty', readonly name: string }
  | { readonly node: 'AlterSystemProperty', readonly name: string, readonly value: string }
  | { readonly node: 'DefineVariable', readonly name: string, readonly value: string }
  | { readonly node: 'UndefineVariable', readonly name: string }
  | { readonly node: 'ListStreams' | 'ListTables' | 'ListQueries', readonly extended: boolean }
  | { readonly node: 'ListTopics', readonly all: boolean, readonly extended: boolean }
  | { readonly node: 'ListFunctions' | 'ListProperties' | 'ListTypes' | 'ListVariables' | 'ListConnectorPlugins' }
  | { readonly node: 'ListConnectors', readonly scope: 'ALL' | 'SOURCE' | 'SINK' }
  | { readonly node: 'ShowColumns', readonly source: string, readonly extended: boolean }
  | { readonly node: 'DescribeStreams' | 'DescribeTables', readonly extended: boolean }
  | { readonly node: 'DescribeFunction', readonly name: string }
  | { readonly node: 'DescribeConnector', readonly name: string }
  | { readonly node: 'Explain', readonly queryId?: string, readonly statement?: Statement }
  | { readonly node: 'PrintTopic', readonly topic: string, readonly fromBeginning: boolean, readonly interval?: number, readonly limit?: number }
  | { readonly node: 'AssertTopic', readonly topic: string, readonly properties: SourceProperties, readonly exists: boolean, readonly timeout?: WindowTime }
  | { readonly node: 'AssertSchema', readonly subject?: string, readonly id?: number, readonly exists: boolean, readonly timeout?: WindowTime }
  | { readonly node: 'CreateConnector', readonly name: string, readonly type: 'SOURCE' | 'SINK', readonly ifNotExists: boolean, readonly properties: SourceProperties }
  | { readonly node: 'DropConnector', readonly name: string, readonly ifExists: boolean }
  | { readonly node: 'RunScript', readonly path: string }
)

export type StatementNode = Statement['node']

/** One statement of a text, with the text that it was parsed from (variables substituted, the semicolon kept). */
export interface ParsedStatement {
  readonly text: string
  readonly statement: Statement
}
