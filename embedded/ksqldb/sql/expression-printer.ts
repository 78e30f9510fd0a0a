// Expressions back to text, as ksqlDB's ExpressionFormatter writes them: parentheses around every operator, names quoted where they need it.
import type { Expression } from './ast.js'
import { quoteIdentifier } from './keywords.js'
import { printSqlType } from './sql-type.js'

/** How a name is written: `quoteIdentifier` in statements, as it is in most messages. */
export type Quote = (name: string) => string

/** The expression's text; with the default `quote` it reads back as the same tree. */
export function printExpression (expression: Expression, quote: Quote = quoteIdentifier): string {
  return new ExpressionPrinter(quote).print(expression)
}

/** 'it''s' */
export function printString (value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

class ExpressionPrinter {
  private readonly quote: Quote

  constructor (quote: Quote) {
    this.quote = quote
  }

  print (e: Expression): string {
    switch (e.node) {
      case 'NullLiteral': return 'null'
      case 'BooleanLiteral': case 'IntegerLiteral': case 'LongLiteral': case 'DecimalLiteral': return String(e.value)
      case 'DoubleLiteral': return printDouble(e.value)
      case 'StringLiteral': return printString(e.value)
      case 'UnqualifiedColumnReference': return this.quote(e.name)
      case 'QualifiedColumnReference': return `${this.quote(e.qualifier)}.${this.quote(e.name)}`
      case 'LambdaVariable': return this.quote(e.name)
      case 'LambdaFunctionCall': return `(${e.parameters.map(this.quote).join(', ')}) => ${this.print(e.body)}`
      case 'IntervalUnit': return e.unit
      case 'FunctionCall': return `${this.quote(e.name)}(${e.arguments.length === 0 && e.name === 'COUNT' ? '*' : this.list(e.arguments)})`
      case 'Cast': return `CAST(${this.print(e.expression)} AS ${printSqlType(e.type, this.quote)})`
      case 'Subscript': return `${this.print(e.base)}[${this.print(e.index)}]`
      case 'Dereference': return `${this.print(e.base)}->${this.quote(e.fieldName)}`
      case 'CreateArray': return `ARRAY[${this.list(e.values)}]`
      case 'CreateMap': return `MAP(${e.entries.map(entry => `${this.print(entry.key)}:=${this.print(entry.value)}`).join(', ')})`
      case 'CreateStruct': return `STRUCT(${e.fields.map(field => `${this.quote(field.name)}:=${this.print(field.value)}`).join(', ')})`
      default: return this.operator(e)
    }
  }

  private operator (e: Expression): string {
    switch (e.node) {
      case 'ArithmeticBinary': case 'Comparison': case 'LogicalBinary': return `(${this.print(e.left)} ${e.operator} ${this.print(e.right)})`
      case 'ArithmeticUnary': return this.sign(e.sign, this.print(e.value))
      case 'Not': return `(NOT ${this.print(e.value)})`
      case 'IsNull': return `(${this.print(e.value)} IS NULL)`
      case 'IsNotNull': return `(${this.print(e.value)} IS NOT NULL)`
      case 'Between': return `(${this.print(e.value)} BETWEEN ${this.print(e.min)} AND ${this.print(e.max)})`
      case 'InPredicate': return `(${this.print(e.value)} IN (${this.list(e.values)}))`
      case 'Like': return `(${this.print(e.value)} LIKE ${this.print(e.pattern)}${e.escape === undefined ? '' : ` ESCAPE ${printString(e.escape)}`})`
      case 'SearchedCase': return this.caseText('', e)
      case 'SimpleCase': return this.caseText(` ${this.print(e.operand)}`, e)
      default: throw new TypeError(`not an operator: ${e.node}`)
    }
  }

  /** Two minus signs in a row would begin a comment; one before digits would be read as part of the number. */
  private sign (sign: '+' | '-', value: string): string {
    if (sign === '+') return `+${value}`
    if (value.startsWith('-')) return `- ${value}`
    return /^[0-9.]/.test(value) ? `-(${value})` : `-${value}`
  }

  private caseText (operand: string, e: Extract<Expression, { node: 'SearchedCase' | 'SimpleCase' }>): string {
    const clauses = e.whenClauses.map(clause => ` WHEN ${this.print(clause.operand)} THEN ${this.print(clause.result)}`).join('')
    return `(CASE${operand}${clauses}${e.defaultValue === undefined ? '' : ` ELSE ${this.print(e.defaultValue)}`} END)`
  }

  private list (expressions: readonly Expression[]): string {
    return expressions.map(e => this.print(e)).join(', ')
  }
}

/** Always in scientific notation, else it would read back as a DECIMAL: 1.5E2. */
function printDouble (value: number): string {
  return (Object.is(value, -0) ? '-0e0' : value.toExponential()).replace('e+', 'E').replace('e', 'E')
}
