// The parts of a date-time pattern: each prints its bit of a moment and reads it back (java.time.format.DateTimeFormatterBuilder's
// PrinterParsers, strict, case-insensitive, English).
import type { Field, Moment } from './fields.js'
import { DateTimeError, fieldOf } from './fields.js'
import type { Zone } from './zone.js'
import { offsetId, parseOffset, zoneOf } from './zone.js'

/** What has been read so far. */
export interface Reading {
  readonly text: string
  fields: Map<Field, number>
  zone?: Zone
  offsetSeconds?: number
}

export interface Element {
  readonly print: (moment: Moment) => string
  /** Gives where the next element begins, or ~position where reading failed. */
  readonly read: (reading: Reading, position: number) => number
}

export type SignStyle = 'NORMAL' | 'NOT_NEGATIVE' | 'EXCEEDS_PAD'

function setField (reading: Reading, field: Field, value: number, start: number, end: number): number {
  const old = reading.fields.get(field)
  if (old !== undefined && old !== value) return ~start
  reading.fields.set(field, value)
  return end
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

/** Digits of a field. Directly before digits of fixed width it leaves as many for them as they need (`subsequentWidth`). */
export class NumberElement implements Element {
  readonly field: Field
  readonly minWidth: number
  readonly maxWidth: number
  readonly signStyle: SignStyle
  /** -1: of fixed width because others of fixed width stand before or behind. */
  subsequentWidth = 0

  constructor (field: Field, minWidth: number, maxWidth: number, signStyle: SignStyle) {
    this.field = field
    this.minWidth = minWidth
    this.maxWidth = maxWidth
    this.signStyle = signStyle
  }

  get isFixed (): boolean {
    return this.minWidth === this.maxWidth && this.signStyle === 'NOT_NEGATIVE'
  }

  protected toPrinted (value: number): number {
    return value
  }

  protected fromRead (value: number): number {
    return value
  }

  print (moment: Moment): string {
    const value = this.toPrinted(fieldOf(moment, this.field))
    const digits = String(Math.abs(value))
    if (digits.length > this.maxWidth) throw new DateTimeError(`Field ${this.field} cannot be printed as the value ${value} exceeds the maximum print width of ${this.maxWidth}`)
    if (value < 0 && this.signStyle === 'NOT_NEGATIVE') throw new DateTimeError(`Field ${this.field} cannot be printed as the value ${value} cannot be negative`)
    const sign = value < 0 ? '-' : this.signStyle === 'EXCEEDS_PAD' && digits.length > this.minWidth ? '+' : ''
    return sign + digits.padStart(this.minWidth, '0')
  }

  #readDigits (text: string, start: number, max: number): number {
    let end = start
    while (end < text.length && end - start < max && isDigit(text.charCodeAt(end))) end++
    return end
  }

  read (reading: Reading, position: number): number {
    const { text } = reading
    const signed = this.signStyle !== 'NOT_NEGATIVE'
    const negative = signed && text[position] === '-'
    const positive = this.signStyle === 'EXCEEDS_PAD' && text[position] === '+'
    const start = negative || positive ? position + 1 : position
    let end = this.#readDigits(text, start, this.maxWidth + Math.max(this.subsequentWidth, 0))
    if (this.subsequentWidth > 0) end = start + Math.min(Math.max(this.minWidth, end - start - this.subsequentWidth), end - start)
    if (end - start < this.minWidth || end === start) return ~position
    const width = end - start
    if (this.signStyle === 'EXCEEDS_PAD' && !negative && positive !== (width > this.minWidth)) return ~position
    const value = Number(text.slice(start, end))
    if (!Number.isSafeInteger(value) || (negative && value === 0)) return ~position
    return setField(reading, this.field, this.fromRead(negative ? -value : value), position, end)
  }
}

/** Two digits of a year: those of 2000 to 2099. */
export class ReducedYearElement extends NumberElement {
  constructor (field: Field) {
    super(field, 2, 2, 'NOT_NEGATIVE')
  }

  protected override toPrinted (value: number): number {
    return Math.abs(value) % 100
  }

  protected override fromRead (value: number): number {
    return 2000 + value
  }
}

/** The first digits of the fraction of a second. */
export class FractionElement extends NumberElement {
  readonly #width: number

  constructor (width: number) {
    super('NanoOfSecond', width, width, 'NOT_NEGATIVE')
    this.#width = width
  }

  protected override toPrinted (value: number): number {
    return Math.floor(value / 10 ** (9 - this.#width))
  }

  protected override fromRead (value: number): number {
    return value * 10 ** (9 - this.#width)
  }
}

export function literal (text: string): Element {
  const lower = text.toLowerCase()
  return {
    print: () => text,
    read: (reading, position) => reading.text.slice(position, position + text.length).toLowerCase() === lower ? position + text.length : ~position
  }
}

/** Names of a field's values, the first for value `first`. The longest that fits is read. */
export function names (field: Field, first: number, values: readonly string[]): Element {
  const byLength = values.map((name, i) => ({ name: name.toLowerCase(), value: first + i })).sort((a, b) => b.name.length - a.name.length)
  return {
    print: moment => values[fieldOf(moment, field) - first] ?? '',
    read: (reading, position) => {
      const found = byLength.find(({ name }) => reading.text.slice(position, position + name.length).toLowerCase() === name)
      return found === undefined ? ~position : setField(reading, field, found.value, position, position + found.name.length)
    }
  }
}

function offsetOf (moment: Moment): number {
  if (moment.offsetSeconds === undefined) throw new DateTimeError('Unsupported field: OffsetSeconds')
  return moment.offsetSeconds
}

const two = (n: number): string => String(n).padStart(2, '0')

export type OffsetStyle = '+HHmm' | '+HHMM' | '+HH:MM' | '+HHMMss' | '+HH:MM:ss'

const OFFSET_READERS: Record<OffsetStyle, RegExp> = {
  '+HHmm': /^[+-]\d\d(?:\d\d)?/, '+HHMM': /^[+-]\d{4}/, '+HH:MM': /^[+-]\d\d:\d\d/, '+HHMMss': /^[+-]\d{4}(?:\d\d)?/, '+HH:MM:ss': /^[+-]\d\d:\d\d(?::\d\d)?/
}

/** `none` is what stands for no offset: Z, +00, +0000, +00:00. */
export function offset (style: OffsetStyle, none: string): Element {
  const colon = style.includes(':') ? ':' : ''
  return {
    print: moment => {
      const seconds = offsetOf(moment)
      const size = Math.abs(seconds)
      const [hours, minutes, rest] = [Math.floor(size / 3600), Math.floor(size / 60) % 60, style.endsWith('ss') ? size % 60 : 0]
      if (hours === 0 && minutes === 0 && rest === 0) return none
      const shown = style === '+HHmm' && minutes === 0 ? '' : colon + two(minutes)
      return `${seconds < 0 ? '-' : '+'}${two(hours)}${shown}${rest === 0 ? '' : colon + two(rest)}`
    },
    read: (reading, position) => {
      const text = reading.text.slice(position)
      const match = OFFSET_READERS[style].exec(text)?.[0]
      const seconds = match === undefined ? undefined : parseOffset(match)
      if (match !== undefined && seconds !== undefined) {
        reading.offsetSeconds = seconds
        return position + match.length
      }
      if (text.slice(0, none.length).toLowerCase() !== none.toLowerCase()) return ~position
      reading.offsetSeconds = 0
      return position + none.length
    }
  }
}

/** GMT+8 or GMT+08:00. */
export function localizedOffset (full: boolean): Element {
  return {
    print: moment => {
      const seconds = offsetOf(moment)
      if (seconds === 0) return 'GMT'
      const id = offsetId(seconds)
      return `GMT${full ? id : id.replace(/^([+-])0/, '$1').replace(/:00$/, '')}`
    },
    read: (reading, position) => {
      const match = (full ? /^GMT([+-]\d\d:\d\d(?::\d\d)?)?/i : /^GMT([+-]\d\d?(?::\d\d(?::\d\d)?)?)?/i).exec(reading.text.slice(position))
      if (match === null) return ~position
      const seconds = parseOffset((match[1] ?? '+00').replace(/^([+-])(\d)(?!\d)/, '$10$2'))
      if (seconds === undefined) return ~position
      reading.offsetSeconds = seconds
      return position + match[0].length
    }
  }
}

function readZone (reading: Reading, position: number, known: (text: string) => Zone | undefined): number {
  const candidate = /^(?:[A-Za-z][A-Za-z0-9~/._+:-]*|[+-][\d:]+)/.exec(reading.text.slice(position))?.[0] ?? ''
  for (let length = candidate.length; length > 0; length--) {
    const zone = known(candidate.slice(0, length))
    if (zone === undefined) continue
    reading.zone = zone
    return position + length
  }
  return ~position
}

function zoneIfKnown (id: string): Zone | undefined {
  try {
    return zoneOf(id)
  } catch {
    return undefined
  }
}

function zoneIn (moment: Moment): Zone {
  if (moment.zone === undefined) throw new DateTimeError('Unable to extract ZoneId from temporal')
  return moment.zone
}

/** Europe/London. */
export const zoneId: Element = {
  print: moment => zoneIn(moment).id,
  read: (reading, position) => readZone(reading, position, zoneIfKnown)
}

/** The zones that English abbreviations mean in java.time. */
const ABBREVIATIONS: ReadonlyMap<string, string> = new Map(Object.entries({
  PST: 'America/Los_Angeles', PDT: 'America/Los_Angeles', MST: 'America/Denver', MDT: 'America/Denver', CST: 'America/Chicago', CDT: 'America/Chicago',
  EST: 'America/New_York', EDT: 'America/New_York', BST: 'Europe/London', CET: 'Europe/Paris', CEST: 'Europe/Paris', JST: 'Asia/Tokyo'
}))

const LOCAL_ENGLISH = ['en-GB', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA']

/** PST, or Pacific Standard Time. Reads abbreviations and ids. */
export function zoneName (full: boolean): Element {
  return {
    print: moment => {
      const zone = zoneIn(moment)
      if (zone.fixed && zone.id !== 'UTC' && zone.id !== 'GMT') return zone.id
      const ms = ((moment.epochDay ?? 0) * 86_400_000 + (moment.nanoOfDay ?? 0) / 1e6) - (moment.offsetSeconds ?? 0) * 1000
      const nameIn = (locale: string): string | undefined =>
        new Intl.DateTimeFormat(locale, { timeZone: zone.id, timeZoneName: full ? 'long' : 'short' }).formatToParts(ms).find(part => part.type === 'timeZoneName')?.value
      // American English abbreviates American zones only; Java knows the abbreviations that are used where the zone is.
      const name = nameIn('en-US') ?? zone.id
      return full || !/^GMT[+-]/.test(name) ? name : LOCAL_ENGLISH.map(nameIn).find(one => one !== undefined && !/^GMT[+-]/.test(one)) ?? name
    },
    read: (reading, position) => readZone(reading, position, text => zoneIfKnown(ABBREVIATIONS.get(text.toUpperCase()) ?? text))
  }
}

/** All or nothing: where one element is not there, none is. */
export function optional (elements: readonly Element[]): Element {
  return {
    print: moment => {
      try {
        return elements.map(element => element.print(moment)).join('')
      } catch (error) {
        if (error instanceof DateTimeError) return ''
        throw error
      }
    },
    read: (reading, position) => {
      const attempt: Reading = { ...reading, fields: new Map(reading.fields) }
      const end = readAll(elements, attempt, position)
      if (end < 0) return position
      Object.assign(reading, attempt)
      return end
    }
  }
}

/** Spaces in front up to a width. */
export function padded (element: Element, width: number): Element {
  return {
    print: moment => {
      const text = element.print(moment)
      if (text.length > width) throw new DateTimeError(`Cannot print as output of ${text.length} characters exceeds pad width of ${width}`)
      return text.padStart(width)
    },
    read: (reading, position) => {
      const end = position + width
      if (end > reading.text.length) return ~position
      let start = position
      while (start < end && reading.text[start] === ' ') start++
      const part: Reading = { ...reading, text: reading.text.slice(0, end) }
      const reached = element.read(part, start)
      if (reached !== end) return ~position
      Object.assign(reading, { ...part, text: reading.text })
      return end
    }
  }
}

export function readAll (elements: readonly Element[], reading: Reading, position: number): number {
  for (const element of elements) {
    position = element.read(reading, position)
    if (position < 0) return position
  }
  return position
}
