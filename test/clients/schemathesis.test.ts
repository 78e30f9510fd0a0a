// schemathesis: requests made up from the service's own OpenAPI, valid and not, against the running service. What it answers must be what it documents.
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { GatewayProcess, newPrefix, skipWithoutBuild } from '../helpers/gateway-process.js'
import { run, works } from './support/process.js'
import { CACHE } from './support/real-kafka.js'

t.setTimeout(600_000)

const version = '4.32.5'
const VENV = join(CACHE, `schemathesis-${version}`)
// Examples and the edges of every schema are the same in each run; SCHEMATHESIS_SECONDS adds random cases for so long.
const fuzzSeconds = Number(process.env['SCHEMATHESIS_SECONDS'] ?? 0)
const secondsMax = fuzzSeconds > 0 ? fuzzSeconds : 240

// One worker: with two, the threads of Python 3.11 trip over each other in hypothesis.
// positive_data_acceptance is left out: what a schema cannot say (a slug that is taken, a place that is not in the log) is refused all the same.
const excluded = ['positive_data_acceptance']
// A header too long for Node's HTTP is refused with 431 before anything else is looked at: a refusal like another; schemathesis does not count it so.
const settings = ['negative_data_rejection', 'missing_required_header'].map(check =>
  `[checks.${check}]\nexpected-statuses = [400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 414, 415, 422, 428, 429, 431]\n`).join('\n')

/** Why it cannot be run here; undefined where it can. */
async function missing (): Promise<string | undefined> {
  if (existsSync(VENV)) return undefined
  if (!await works('python3', ['-c', 'import venv'])) return 'Python 3 with venv is not here'
  const partial = `${VENV}.partial`
  rmSync(partial, { recursive: true, force: true })
  const made = await run('python3', ['-m', 'venv', partial])
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`]
  const installed = made.code === 0 ? await run(join(partial, 'bin', 'python'), install, { timeoutMs: 300_000 }) : made
  if (installed.code !== 0) return `schemathesis could not be fetched from PyPI: ${installed.stderr.slice(-500)}`
  renameSync(partial, VENV)
  return undefined
}

t.test('the service keeps to its OpenAPI', { skip: skipWithoutBuild }, async t => {
  const absent = await missing()
  if (absent !== undefined) {
    // in CI a client that is missing is a failure
    if (process.env['CI'] === undefined) t.pass('schemathesis', { skip: absent })
    else t.fail(absent)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'linklog-schemathesis-'))
  const gateway = await GatewayProcess.start({ dataDir: join(folder, 'data'), prefix: newPrefix() })
  t.teardown(async () => {
    await gateway.end()
    rmSync(folder, { recursive: true, force: true })
  })
  writeFileSync(join(folder, 'schemathesis.toml'), settings)
  const { body: { key } } = await gateway.call('POST', '/api/keys', { name: 'schemathesis', scopes: ['admin'] })
  const { code, stdout } = await run(join(VENV, 'bin', 'python'), ['-m', 'schemathesis.cli', 'run', `${gateway.url}/api/openapi.json`,
    '--header', `Authorization: Bearer ${key}`,
    '--phases', fuzzSeconds > 0 ? 'examples,coverage,fuzzing' : 'examples,coverage', '--max-time', String(secondsMax), '--max-examples', '50', '--workers', '1', '--seed', '20261123',
    '--exclude-checks', excluded.join(','), '--max-redirects', '0', '--request-timeout', '20', '--no-shrink', '--continue-on-failure', '--warnings', 'off'
  ], { cwd: folder, timeoutMs: (secondsMax + 120) * 1_000, env: { NO_COLOR: '1', FORCE_COLOR: '', TERM: 'dumb' } })
  for (const line of stdout.split('\n')) if (/generated|Tested:|Selected:/.test(line)) t.comment(line.trim())
  t.match(stdout, /Operations:\s+[1-9]\d* selected/, 'it read the description')
  t.equal(code, 0, stdout.slice(-20_000))
  t.equal((await gateway.call('GET', '/readyz')).status, 200, 'the service stands as before')
})
