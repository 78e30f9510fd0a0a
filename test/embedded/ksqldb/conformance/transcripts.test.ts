import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replayTranscripts } from '../../../../embedded/ksqldb/conformance/transcripts.js'

const file = join(import.meta.dirname, '../../../../../shared/transcripts/ksqldb-7.9.jsonl')

// Recorded answers of ksqlDB 7.9.1. The goal of the comparison is 250; below what was reached something has been broken.
const PASSED_MIN = 290

t.test('answers like the real server', { skip: existsSync(file) ? false : `the recorded answers are not there: ${file}`, timeout: 120_000 }, async t => {
  const results = await replayTranscripts(file)
  const failed = results.filter(result => !result.passed)
  t.ok(results.length - failed.length >= PASSED_MIN, `${results.length - failed.length} of ${results.length} are equal`)
  for (const { group, name } of failed) t.comment(`differs: ${group}: ${name}`)
})
