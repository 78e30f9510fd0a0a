// `linklog import FILE`: creates a link for each row of a file, several at a time, and can be run again at any moment without creating one twice.
import { setMaxListeners } from 'node:events'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { LinkCreator } from './create-link.js'
import type { Outcome } from './create-link.js'
import { exitCodes, UsageError } from './exit-codes.js'
import { startProgress } from './progress.js'
import type { Counts } from './progress.js'
import { RejectedFile } from './rejected-file.js'
import { columnNames, formatOf, formats, readRows } from './rows.js'
import type { Format, Row } from './rows.js'

const concurrencyMax = 256

export const importHelp = `Usage: linklog import FILE [options]

Creates a link for each row of FILE ('-' for standard input). A row is one of
  urls     a URL a line; lines that start with # are passed over
  csv      a header, then rows; columns: ${columnNames.slice(0, 5).join(', ')},
           ${columnNames.slice(5).join(', ')}
           (tags are separated by commas within their cell, an empty cell is a field not given)
  ndjson   a JSON object a line, with the same fields
Running it again creates nothing new: the same row gives the same link.

Options:
  --url URL           where the service answers (default http://127.0.0.1:3000)
  --format FORMAT     urls, csv or ndjson (default: by the file's name)
  --concurrency N     requests at a time, 1 to ${concurrencyMax} (default 32)
  --rejected FILE     where rejected rows go, as NDJSON with line, reason and input
                      (default: NAME.rejected.ndjson in the current folder)
  --key KEY           sent as 'Authorization: Bearer KEY', for a service that asks for one
  -h, --help          this text

Exit status: 0 all rows are links now, 1 some were rejected, 2 wrong arguments or a file that
cannot be read or written, 3 the service cannot be reached or keeps failing, 130 stopped by Ctrl-C.
`

export interface Streams { stdin: Readable, stdout: Writable, stderr: NodeJS.WriteStream }

interface ImportOptions { file: string, url: string, format: Format, concurrency: number, rejected: string, key?: string }

/** Runs `linklog import` with the arguments after the word `import`; gives the exit status. */
export async function importCommand (args: readonly string[], streams: Streams): Promise<number> {
  const options = parseOptions(args)
  if (options === undefined) {
    streams.stdout.write(importHelp)
    return exitCodes.ok
  }
  const creator = new LinkCreator(options)
  const rejectedFile = new RejectedFile(options.rejected)
  try {
    return await importRows(options, creator, rejectedFile, streams)
  } finally {
    await rejectedFile.close()
    await creator.close()
  }
}

/** @returns undefined when help was asked for */
function parseOptions (args: readonly string[]): ImportOptions | undefined {
  const { values, positionals } = parseStrictly(args)
  if (values.help === true) return undefined
  const [file, ...others] = positionals
  if (file === undefined) throw new UsageError("Which file? See 'linklog import --help'.")
  if (others.length > 0) throw new UsageError(`One file at a time; what is '${others[0]}'?`)
  const concurrency = Number(values.concurrency)
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > concurrencyMax) {
    throw new UsageError(`--concurrency must be a whole number from 1 to ${concurrencyMax}, not '${values.concurrency}'.`)
  }
  const format = values.format ?? formatOf(file)
  if (!isFormat(format)) throw new UsageError(`--format must be one of ${formats.join(', ')}, not '${format}'.`)
  const rejected = values.rejected ?? `${file === '-' ? 'stdin' : basename(file)}.rejected.ndjson`
  return { file, url: values.url, format, concurrency, rejected, ...(values.key !== undefined && { key: values.key }) }
}

function parseStrictly (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        url: { type: 'string', default: 'http://127.0.0.1:3000' },
        format: { type: 'string' },
        concurrency: { type: 'string', default: '32' },
        rejected: { type: 'string' },
        key: { type: 'string' }
      }
    })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)} See 'linklog import --help'.`)
  }
}

function isFormat (text: string): text is Format {
  return (formats as readonly string[]).includes(text)
}

async function openSource (file: string, stdin: Readable): Promise<{ source: Readable, sizeBytes: number | undefined }> {
  if (file === '-') return { source: stdin, sizeBytes: undefined }
  try {
    const handle = await open(file)
    const stat = await handle.stat()
    if (stat.isDirectory()) {
      await handle.close()
      throw new Error('it is a folder')
    }
    return { source: handle.createReadStream(), sizeBytes: stat.isFile() ? stat.size : undefined }
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function importRows (options: ImportOptions, creator: LinkCreator, rejectedFile: RejectedFile, streams: Streams): Promise<number> {
  const { source, sizeBytes } = await openSource(options.file, streams.stdin)
  const startedMs = performance.now()
  const counts: Counts = { created: 0, existing: 0, rejected: 0 }
  const progress = startProgress(streams.stderr, sizeBytes)
  const stop = new AbortController()
  // Each request in hand listens to it: as many as there are hands, on purpose.
  setMaxListeners(0, stop.signal)
  // A source that says nothing (a terminal, a pipe) would otherwise be waited for.
  stop.signal.addEventListener('abort', () => source.destroy())
  let isInterrupted = false
  const onInterrupt = () => {
    isInterrupted = true
    stop.abort()
  }
  process.once('SIGINT', onInterrupt)
  try {
    await work(readRows(source, options.format), options.concurrency, stop, async (row) => {
      await importRow(row, (body) => creator.create(body, stop.signal), rejectedFile, counts)
      progress.update(row.endBytes, counts)
    })
  } finally {
    process.off('SIGINT', onInterrupt)
    source.destroy()
    progress.stop()
    streams.stdout.write(summary(counts, performance.now() - startedMs, rejectedFile.path))
  }
  if (isInterrupted) return exitCodes.interrupted
  return counts.rejected > 0 ? exitCodes.rejected : exitCodes.ok
}

type Create = (body: NonNullable<Row['body']>) => Promise<Outcome>

async function importRow (row: Row, create: Create, rejectedFile: RejectedFile, counts: Counts): Promise<void> {
  const { line, input, body, problem = '' } = row
  const outcome: Outcome = body === undefined ? { kind: 'rejected', reason: problem } : await create(body)
  counts[outcome.kind]++
  if (outcome.kind !== 'rejected') return
  const { reason, code } = outcome
  await rejectedFile.add({ line, reason, ...(code !== undefined && { code }), input })
}

/**
 * Takes rows one after the other and has up to `concurrency` of them in hand; no row is taken before there is a hand for it, which bounds the memory.
 * The first failure stops everything, and is thrown; so does `stop` from outside, without one.
 */
async function work (rows: AsyncGenerator<Row, void, undefined>, concurrency: number, stop: AbortController, each: (row: Row) => Promise<void>): Promise<void> {
  let failure: { error: unknown } | undefined
  const worker = async () => {
    try {
      while (!stop.signal.aborted) {
        const next = await rows.next()
        if (next.done === true) return
        await each(next.value)
      }
    } catch (error) {
      // After the stop everything in hand fails, because of it.
      if (!stop.signal.aborted) failure = { error }
      stop.abort()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  if (failure !== undefined) throw (failure as { error: unknown }).error
}

function summary (counts: Readonly<Counts>, elapsedMs: number, rejectedPath: string): string {
  const total = counts.created + counts.existing + counts.rejected
  const seconds = elapsedMs / 1000
  const rejected = counts.rejected > 0 ? ` (see ${rejectedPath})` : ''
  return `${total} rows in ${seconds.toFixed(1)} s: ${counts.created} created, ${counts.existing} already there, ${counts.rejected} rejected${rejected}\n`
}
