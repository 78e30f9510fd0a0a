// `npm run conformance -- [files] [--json] [--filter TEXT] [--failures]` runs cases, `-- --transcripts FILE` replays recorded exchanges; the last line is
// `N passed, N failed`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { countBy, runCases } from './qtt.js'
import type { CaseResult, Count } from './qtt.js'
import type { Case } from './case.js'
import { runCase } from './run-case.js'
import type { Verdict } from './run-case.js'
import { runRestCase } from './run-rest-case.js'
import { replayTranscripts } from './transcripts.js'

const DEFAULT_FILES = ['../shared/conformance/qtt.jsonl', '../shared/conformance/rqtt.jsonl']
const UNSUPPORTED = /not supported|Can't find any functions with the name/i

/** A case with answers to compare, or with queries, goes over HTTP. */
function run (one: Case): Promise<Verdict> {
  const asks = one.members.has('responses') || one.members.has('expectedError') || one.statements.some(statement => /^\s*(SELECT|PRINT)\b/i.test(statement))
  return asks ? runRestCase(one) : runCase(one)
}

function print (line: string): void {
  process.stdout.write(line + '\n')
}

function printCounts (title: string, counts: ReadonlyMap<string, Count>): void {
  print(`\n${title.padEnd(64)} passed  failed  of these not supported`)
  for (const [name, { passed, failed, unsupported }] of counts) {
    print(`${name.padEnd(64)} ${String(passed).padStart(6)}  ${String(failed).padStart(6)}  ${String(unsupported).padStart(6)}`)
  }
}

async function cases (files: readonly string[], options: { json: boolean, failures: boolean, filter: string }): Promise<void> {
  const results: CaseResult[] = []
  for (const file of files) {
    await runCases(file, run, one => one.id.includes(options.filter), result => {
      results.push(result)
      if (options.json) print(JSON.stringify({ ...result, passed: result.failure === undefined }))
      else if (options.failures && result.failure !== undefined) print(`${result.id}\n  ${result.failure.replaceAll('\n', '\n  ')}`)
    })
  }
  const isUnsupported = ({ failure }: CaseResult): boolean => failure !== undefined && UNSUPPORTED.test(failure)
  if (!options.json) {
    printCounts('file', countBy(results, result => [result.file], isUnsupported))
    printCounts('needs', countBy(results, result => result.needs.length > 0 ? result.needs : ['none'], isUnsupported))
  }
  const failed = results.filter(result => result.failure !== undefined).length
  print(`\n${results.length - failed} passed, ${failed} failed`)
}

async function transcripts (file: string, json: boolean): Promise<void> {
  const results = await replayTranscripts(file, result => {
    if (json) print(JSON.stringify(result))
    else if (!result.passed) print(`${result.group}: ${result.name}\n  wanted ${JSON.stringify(result.wanted)}\n  got    ${JSON.stringify(result.got)}`)
  })
  const groups = new Map<string, Count>()
  for (const { group, passed } of results) {
    const count = groups.get(group) ?? { passed: 0, failed: 0, unsupported: 0 }
    groups.set(group, count)
    if (passed) count.passed++
    else count.failed++
  }
  if (!json) printCounts('group', groups)
  const failed = results.filter(result => !result.passed).length
  print(`\n${results.length - failed} passed, ${failed} failed`)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, failures: { type: 'boolean' }, filter: { type: 'string' }, transcripts: { type: 'string' } }
})
const files = values.transcripts !== undefined ? [values.transcripts] : positionals.length > 0 ? positionals : DEFAULT_FILES
const absent = files.filter(file => !existsSync(resolve(file)))
if (absent.length > 0) {
  print(`Skipped, since there is no file ${absent.join(', ')}: name the files of cases to run.\n\n0 passed, 0 failed`)
  process.exit(positionals.length > 0 || values.transcripts !== undefined ? 1 : 0)
}
// A measurement, not a gate: how many failed is in the last line, not in the exit code.
if (values.transcripts === undefined) await cases(files, { json: values.json === true, failures: values.failures === true, filter: values.filter ?? '' })
else await transcripts(values.transcripts, values.json === true)
process.exit()
