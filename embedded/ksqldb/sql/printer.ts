// The entrance to the printers: trees back to text.
export { printExpression, printString, type Quote } from './expression-printer.js'
export { printQuery, printStatement } from './statement-printer.js'
