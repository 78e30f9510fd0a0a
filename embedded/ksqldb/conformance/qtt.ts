// Runs files of cases and counts: per file, per group of needs, in total.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { readCase } from './case.js'
import type { Case } from './case.js'
import type { Verdict } from './run-case.js'

export interface CaseResult {
  readonly id: string
  readonly file: string
  readonly needs: readonly string[]
  /** undefined: passed. */
  readonly failure: string | undefined
}

/** `unsupported` are among the failed. */
export interface Count { passed: number, failed: number, unsupported: number }

/** One line a case; empty lines are skipped. Throws where the file cannot be read or a line is no case. */
export async function runCases (
  path: string, run: (one: Case) => Promise<Verdict>, filter: (one: Case) => boolean, onResult: (result: CaseResult) => void
): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line.trim() === '') continue
    const one = readCase(line)
    if (!filter(one)) continue
    onResult({ id: one.id, file: one.file, needs: one.needs, failure: await run(one) })
  }
}

/** Sorted by name. A case counts in each of its groups; one without needs in `none`. */
export function countBy (
  results: readonly CaseResult[], groups: (result: CaseResult) => readonly string[], isUnsupported: (result: CaseResult) => boolean = () => false
): Map<string, Count> {
  const counts = new Map<string, Count>()
  for (const result of results) {
    for (const group of groups(result)) {
      const count = counts.get(group) ?? { passed: 0, failed: 0, unsupported: 0 }
      counts.set(group, count)
      if (result.failure === undefined) count.passed++
      else count.failed++
      if (isUnsupported(result)) count.unsupported++
    }
  }
  return new Map([...counts].sort(([a], [b]) => a < b ? -1 : 1))
}
