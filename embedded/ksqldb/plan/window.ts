// Spans of time in statements, in ms.
import type { WindowTime } from '../sql/ast.js'

const UNIT_MS = {
  MILLISECONDS: 1, SECONDS: 1000, MINUTES: 60_000, HOURS: 3_600_000, DAYS: 86_400_000, WEEKS: 604_800_000, MONTHS: 2_592_000_000, YEARS: 31_536_000_000
} as const

export function windowMs (time: WindowTime): number {
  return time.value * UNIT_MS[time.unit]
}
