// The library of built-in functions: all that SHOW FUNCTIONS lists.
import type { BuiltInFunction } from '../function.js'
import { basicAggregates } from './aggregate-basic.js'
import { collectingAggregates } from './aggregate-collect.js'
import { countDistinct } from './aggregate-count-distinct.js'
import { offsetAggregates } from './aggregate-offset.js'
import { statisticalAggregates } from './aggregate-statistics.js'
import { arrayFunctions } from './array.js'
import { conditionalFunctions } from './conditional.js'
import type { FunctionContext } from './context.js'
import { systemContext } from './context.js'
import { conversionFunctions } from './conversions.js'
import { dateTimeFunctions } from './datetime.js'
import { jsonFunctions } from './json.js'
import { lambdaFunctions } from './lambda.js'
import { mapFunctions } from './map.js'
import { mathFunctions } from './math.js'
import { otherFunctions } from './other.js'
import { regexpFunctions } from './regexp.js'
import { encodingFunctions } from './string-encoding.js'
import { stringFunctions } from './string.js'
import { tableFunctions } from './table.js'
import { urlFunctions } from './url.js'

export type { FunctionContext } from './context.js'
export { systemContext } from './context.js'

/** All functions, with the clock, randomness and properties of `context`. */
export function createBuiltInFunctions (context: FunctionContext): readonly BuiltInFunction[] {
  return [
    ...arrayFunctions,
    ...mapFunctions,
    ...conditionalFunctions,
    ...stringFunctions,
    ...encodingFunctions(context),
    ...dateTimeFunctions(context),
    ...urlFunctions,
    ...jsonFunctions,
    ...regexpFunctions,
    ...mathFunctions(context),
    ...conversionFunctions,
    ...otherFunctions,
    ...lambdaFunctions,
    ...tableFunctions,
    ...basicAggregates,
    ...collectingAggregates(context),
    ...offsetAggregates(context),
    ...statisticalAggregates,
    countDistinct
  ]
}

/** The library on the system's clock without properties. */
export const builtInFunctions: readonly BuiltInFunction[] = createBuiltInFunctions(systemContext)
