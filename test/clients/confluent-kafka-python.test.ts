// confluent-kafka for Python, and so librdkafka, with its Avro serializer and registry client: python/operations.py says what it does.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run, works } from './support/process.js'
import { programOperations } from './support/program.js'
import { CACHE } from './support/real-kafka.js'
import { runClient } from './support/stacks.js'

const FOLDER = fileURLToPath(new URL('./python/', import.meta.url))
const VENV = join(CACHE, 'python')
const PYTHON = join(VENV, 'bin', 'python')

/** The client in a folder of its own, fetched from PyPI once. */
async function missing (): Promise<string | undefined> {
  if (existsSync(VENV)) return undefined
  if (!await works('python3', ['-c', 'import venv'])) return 'Python 3 with venv is not here'
  const partial = `${VENV}.partial`
  rmSync(partial, { recursive: true, force: true })
  const made = await run('python3', ['-m', 'venv', partial])
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(FOLDER, 'requirements.txt')]
  const installed = made.code === 0 ? await run(join(partial, 'bin', 'python'), install, { timeoutMs: 300_000 }) : made
  if (installed.code !== 0) return `confluent-kafka could not be fetched from PyPI: ${installed.stderr.slice(-500)}`
  renameSync(partial, VENV)
  return undefined
}

const names = ['create', 'configs', 'produce none', 'produce gzip', 'produce snappy', 'produce lz4', 'produce zstd', 'group with a rebalance',
  'cooperative rebalance', 'commit and resume', 'seek by time', 'idempotent producer', 'transaction committed and aborted', 'delete', 'avro']
const program = () => ({ command: PYTHON, args: [join(FOLDER, 'operations.py')], timeoutMs: 120_000 })

t.test('confluent-kafka', async t => { await runClient(t, { name: 'confluent-kafka', missing, needRegistry: ['avro'] }, programOperations(program, names)) })
