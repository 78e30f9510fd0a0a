// Patterns of java.time.format.DateTimeFormatter, such as yyyy-MM-dd'T'HH:mm:ss.SSSX, made into elements.
import type { Element, SignStyle } from './elements.js'
import { FractionElement, NumberElement, ReducedYearElement, literal, localizedOffset, names, offset, optional, padded, zoneId, zoneName } from './elements.js'
import type { Field } from './fields.js'

export class PatternError extends Error {}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const QUARTERS = ['1st quarter', '2nd quarter', '3rd quarter', '4th quarter']
const short = (values: readonly string[]): string[] => values.map(value => value.slice(0, 3))
const narrow = (values: readonly string[]): string[] => values.map(value => value.slice(0, 1))

/** Digits of any other count have no limit but what a long holds. */
const DIGITS_MAX = 19

const NUMBERS: Readonly<Record<string, Field>> = {
  d: 'DayOfMonth', h: 'ClockHourOfAmPm', H: 'HourOfDay', k: 'ClockHourOfDay', K: 'HourOfAmPm', m: 'MinuteOfHour', s: 'SecondOfMinute',
  D: 'DayOfYear', F: 'AlignedDayOfWeekInMonth', w: 'WeekOfWeekBasedYear', W: 'WeekOfMonth', n: 'NanoOfSecond', N: 'NanoOfDay', A: 'MilliOfDay'
}
const COUNTS_MAX: Readonly<Record<string, number>> = { d: 2, h: 2, H: 2, k: 2, K: 2, m: 2, s: 2, D: 3, F: 1, w: 2, W: 1, n: 19, N: 19, A: 19 }

function number (field: Field, min: number, max: number, style: SignStyle): NumberElement {
  return new NumberElement(field, min, max, style)
}

/** One letter alone takes any count of digits, two take two. */
const plain = (field: Field, count: number): NumberElement => count === 1 ? number(field, 1, DIGITS_MAX, 'NORMAL') : number(field, count, count, 'NOT_NEGATIVE')

function year (field: Field, count: number): Element {
  if (count === 2) return new ReducedYearElement(field)
  return number(field, count, DIGITS_MAX, count < 4 ? 'NORMAL' : 'EXCEEDS_PAD')
}

function named (letter: string, count: number, field: Field, values: readonly string[], shorts: readonly string[], narrows: readonly string[]): Element {
  if (count <= 2) return plain(field, count)
  return count === 3 ? names(field, 1, shorts) : count === 4 ? names(field, 1, values) : count === 5 ? names(field, 1, narrows) : tooMany(letter)
}

function dayName (letter: string, count: number): Element {
  if (count <= 3) return names('DayOfWeek', 1, short(DAYS))
  return count === 4 ? names('DayOfWeek', 1, DAYS) : count === 5 ? names('DayOfWeek', 1, narrow(DAYS)) : tooMany(letter)
}

function offsetOf (letter: string, count: number): Element {
  if (letter === 'Z') return count <= 3 ? offset('+HHMM', '+0000') : count === 4 ? localizedOffset(true) : count === 5 ? offset('+HH:MM:ss', 'Z') : tooMany(letter)
  const style = (['+HHmm', '+HHMM', '+HH:MM', '+HHMMss', '+HH:MM:ss'] as const)[count - 1]
  if (style === undefined) return tooMany(letter)
  return offset(style, letter === 'X' ? 'Z' : count === 1 ? '+00' : count % 2 === 0 ? '+0000' : '+00:00')
}

function tooMany (letter: string): never {
  throw new PatternError(`Too many pattern letters: ${letter}`)
}

function wrongCount (letter: string, text: string): never {
  throw new PatternError(`Pattern letter count must be ${text}: ${letter}`)
}

function counted (letter: string, count: number): Element {
  const field = NUMBERS[letter]
  if (field === undefined) throw new PatternError(`Unknown pattern letter: ${letter}`)
  if (count > (COUNTS_MAX[letter] ?? 0)) tooMany(letter)
  if (letter === 'D' && count > 1) return number(field, count, 3, 'NOT_NEGATIVE')
  if ('nNA'.includes(letter)) return number(field, count, DIGITS_MAX, 'NOT_NEGATIVE')
  return plain(field, count)
}

function elementOf (letter: string, count: number): Element {
  switch (letter) {
    case 'G': return names('Era', 0, count <= 3 ? ['BC', 'AD'] : count === 4 ? ['Before Christ', 'Anno Domini'] : count === 5 ? ['B', 'A'] : tooMany(letter))
    case 'u': return year('Year', count)
    case 'y': return year('YearOfEra', count)
    case 'Y': return year('WeekBasedYear', count)
    case 'Q': case 'q': return named(letter, count, 'QuarterOfYear', QUARTERS, ['Q1', 'Q2', 'Q3', 'Q4'], ['1', '2', '3', '4'])
    case 'M': case 'L': return named(letter, count, 'MonthOfYear', MONTHS, short(MONTHS), narrow(MONTHS))
    case 'E': return dayName(letter, count)
    case 'c': case 'e': return count === 1 ? plain('LocalizedDayOfWeek', 1) : count === 2 && letter === 'e' ? plain('LocalizedDayOfWeek', 2) : dayName(letter, count)
    case 'a': return count === 1 ? names('AmPmOfDay', 0, ['AM', 'PM']) : tooMany(letter)
    case 'S': return count <= 9 ? new FractionElement(count) : tooMany(letter)
    case 'X': case 'x': case 'Z': return offsetOf(letter, count)
    case 'O': return count === 1 || count === 4 ? localizedOffset(count === 4) : wrongCount(letter, '1 or 4')
    case 'V': return count === 2 ? zoneId : wrongCount(letter, '2')
    case 'z': return count <= 4 ? zoneName(count === 4) : tooMany(letter)
    default: return counted(letter, count)
  }
}

/** Elements in the making; runs of digits with nothing between share out their widths. */
class Builder {
  readonly elements: Element[] = []
  #leading: NumberElement | undefined

  append (element: Element, inner: Element = element): void {
    this.elements.push(element)
    if (!(inner instanceof NumberElement)) {
      this.#leading = undefined
    } else if (this.#leading !== undefined && inner.isFixed) {
      this.#leading.subsequentWidth += inner.maxWidth
      inner.subsequentWidth = -1
    } else {
      this.#leading = inner
    }
  }

  /** What follows does not share widths with what stands. */
  interrupt (): void {
    this.#leading = undefined
  }
}

function quoted (pattern: string, start: number): { text: string, end: number } {
  let text = ''
  for (let i = start + 1; i < pattern.length; i++) {
    if (pattern[i] !== '\'') text += pattern[i]
    else if (pattern[i + 1] === '\'') text += pattern[++i]
    else return { text: text === '' ? '\'' : text, end: i + 1 }
  }
  throw new PatternError(`Pattern ends with an incomplete string literal: ${pattern}`)
}

const runLength = (pattern: string, start: number): number => {
  let end = start
  while (pattern[end] === pattern[start]) end++
  return end - start
}

/** Throws PatternError on letters that mean nothing. */
export function compilePattern (pattern: string): readonly Element[] {
  const stack: Builder[] = []
  let builder = new Builder()
  const close = (): void => {
    const inner = builder.elements
    builder = stack.pop() as Builder
    builder.append(optional(inner))
  }
  for (let i = 0; i < pattern.length;) {
    const character = pattern[i] ?? ''
    if (/[A-Za-z]/.test(character)) {
      const count = runLength(pattern, i)
      i += count
      if (character !== 'p') {
        builder.append(elementOf(character, count))
        continue
      }
      const letter = pattern[i] ?? ''
      if (!/[A-Za-z]/.test(letter)) throw new PatternError(`Pad letter 'p' must be followed by valid pad pattern: ${pattern}`)
      const innerCount = runLength(pattern, i)
      builder.append(padded(elementOf(letter, innerCount), count))
      i += innerCount
    } else if (character === '\'') {
      const { text, end } = quoted(pattern, i)
      builder.append(literal(text))
      i = end
    } else if (character === '[') {
      builder.interrupt()
      stack.push(builder)
      builder = new Builder()
      i++
    } else if (character === ']') {
      if (stack.length === 0) throw new PatternError('Pattern invalid as it contains ] without previous [')
      close()
      i++
    } else if ('{}#'.includes(character)) {
      throw new PatternError(`Pattern includes reserved character: '${character}'`)
    } else {
      builder.append(literal(character))
      i++
    }
  }
  while (stack.length > 0) close()
  return builder.elements
}
