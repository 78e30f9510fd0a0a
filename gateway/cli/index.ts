#!/usr/bin/env node
// The command `linklog`: finds the subcommand and turns its outcome into an exit status; what a subcommand does lives in its own file.
import { ConfigError } from '../config.js'
import { exitCodes, UsageError } from './exit-codes.js'
import { exportCommand, exportHelp } from './export.js'
import { importCommand, importHelp } from './import.js'
import { keysCommand, keysHelp } from './keys.js'
import { rebuildCommand, rebuildHelp } from './rebuild.js'

const help = `Usage: linklog <command> [options]

Commands:
  import FILE   create links from a list of URLs, a CSV or NDJSON file, or another shortener's
  export WHAT   write links, revisions or visits as NDJSON or CSV
  keys          make, list and revoke API keys
  rebuild       make every table again from the log, while the service runs

Options:
  -h, --help    this text; 'linklog COMMAND --help' explains a command

Exit status:
  ${exitCodes.ok}  everything was done
  ${exitCodes.rejected}  done, but some lines were rejected
  ${exitCodes.usage}  wrong arguments, or a file that cannot be read or written
  ${exitCodes.service}  the service could not be reached or kept failing; running the command again continues
  ${exitCodes.interrupted}  stopped by Ctrl-C; running the command again continues
`

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr }

async function run (args: readonly string[]): Promise<number> {
  const [command, ...rest] = args
  switch (command) {
    case undefined:
      process.stderr.write(help)
      return exitCodes.usage
    case '-h':
    case '--help':
    case 'help':
      process.stdout.write({ import: importHelp, export: exportHelp, keys: keysHelp, rebuild: rebuildHelp }[rest[0] ?? ''] ?? help)
      return exitCodes.ok
    case 'import':
      return await importCommand(rest, streams)
    case 'export':
      return await exportCommand(rest, streams)
    case 'keys':
      return await keysCommand(rest, streams)
    case 'rebuild':
      return await rebuildCommand(rest, streams)
    default:
      throw new UsageError(`There is no command '${command}'. See 'linklog --help'.`)
  }
}

// A reader that closes early (`linklog import … | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? exitCodes.usage : exitCodes.service
  process.stderr.write(`linklog: ${error instanceof Error ? error.message : String(error)}\n`)
}
