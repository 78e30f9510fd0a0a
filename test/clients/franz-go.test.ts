// franz-go, the Go client: franz-go/main.go says what it does. It is idempotent by default and asks for newer versions than the others.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run, works } from './support/process.js'
import { programOperations } from './support/program.js'
import { CACHE } from './support/real-kafka.js'
import { runClient } from './support/stacks.js'

const FOLDER = fileURLToPath(new URL('./franz-go/', import.meta.url))
const BINARY = join(CACHE, 'franz-go')

/** Built at each run; Go keeps what it has built and fetched. */
async function missing (): Promise<string | undefined> {
  if (!await works('go', ['version'])) return 'Go is not here'
  mkdirSync(CACHE, { recursive: true })
  const built = await run('go', ['build', '-o', BINARY, '.'], { cwd: FOLDER, timeoutMs: 300_000 })
  return built.code === 0 ? undefined : `franz-go could not be fetched and built: ${built.stderr.slice(-500)}`
}

const names = ['create', 'configs', 'produce none', 'produce gzip', 'produce snappy', 'produce lz4', 'produce zstd', 'group with a rebalance',
  'cooperative rebalance', 'commit and resume', 'seek by time', 'transaction committed and aborted', 'delete']

t.test('franz-go', async t => {
  await runClient(t, { name: 'franz-go', missing }, programOperations(() => ({ command: BINARY, args: [], timeoutMs: 90_000 }), names))
})
