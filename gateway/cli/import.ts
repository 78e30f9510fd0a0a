// `linklog import FILE`: creates a link for each record of a file, many in one request, and can be run again at any moment without creating one twice.
import { setMaxListeners } from 'node:events'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { oneOf, readArguments } from './arguments.js'
import { batches } from './batches.js'
import { BulkClient, type Outcome } from './bulk-client.js'
import { exitCodes, UsageError } from './exit-codes.js'
import { bitly } from './foreign/bitly.js'
import { kutt } from './foreign/kutt.js'
import { shlink } from './foreign/shlink.js'
import { foreignMapping, type ForeignMapping, type ForeignSource } from './foreign/source.js'
import { sqlRows } from './foreign/sql-dump.js'
import { yourls } from './foreign/yourls.js'
import { columnNames, ownMapping } from './own-rows.js'
import { startProgress, type Counts } from './progress.js'
import { RejectedFile } from './rejected-file.js'
import { csvRows, documentRows, jsonLineRows, urlRows, type Row } from './rows.js'
import { ServiceClient, serviceOptions } from './service-client.js'

const foreign: Readonly<Record<string, ForeignSource>> = { bitly, yourls, shlink, kutt }
const ownFormats = ['urls', 'csv', 'ndjson'] as const
const foreignFormats = ['csv', 'json', 'sql'] as const
type Format = typeof ownFormats[number] | typeof foreignFormats[number]

/** Requests at a time: the second is read while the first is answered. */
const requestsAtOnce = 2
const batchBounds = { itemsMax: 1_000, bytesMax: 1024 * 1024, waitMs: 200 }

export const importHelp = `Usage: linklog import FILE [options]
       linklog import --from SHORTENER FILE [options]

Creates a link for each record of FILE ('-' for standard input). A record is one of
  urls     a URL a line; lines that start with # are passed over
  csv      a header, then rows; columns: ${columnNames.slice(0, 6).join(', ')},
           ${columnNames.slice(6).join(', ')}
           (tags are separated by commas within their cell, an empty cell is a field not given)
  ndjson   a JSON object a line, with the same fields
What 'linklog export links' wrote is taken as it is. Running an import again creates nothing new:
the same record gives the same link.

From another shortener, whose slugs, targets, titles, tags and limits are kept:
  bitly    the CSV of its pages, or the JSON of GET /v4/groups/{group_guid}/bitlinks
  yourls   the table yourls_url as CSV, JSON or SQL dump, or the JSON of action=stats
  shlink   the CSV of its web client, or the JSON of GET /rest/v3/short-urls
  kutt     the JSON of GET /api/v2/links, or the table links as CSV
When a link was made there is told in its history, as the reason; visits are not taken over.

Options:
  --from SHORTENER    ${Object.keys(foreign).join(', ')}
  --keep-domain       with --from: links on the host that they were on (a domain of the service)
                      instead of the default domain
  --format FORMAT     ${ownFormats.join(', ')}; with --from ${foreignFormats.join(', ')}
                      (default: by the file's name)
  --rejected FILE     where rejected records go, as NDJSON with line, reason and input
                      (default: NAME.rejected.ndjson in the current folder)
  --url URL           where the service answers (default http://127.0.0.1:3000)
  --key KEY           sent as 'Authorization: Bearer KEY', for a service that asks for one
  -h, --help          this text

Exit status: 0 all records are links now, 1 some were rejected, 2 wrong arguments or a file that
cannot be read or written, 3 the service cannot be reached or keeps failing, 130 stopped by Ctrl-C.
`

export interface Streams { stdin: Readable, stdout: Writable, stderr: NodeJS.WriteStream }

interface ImportOptions { file: string, format: Format, rejected: string, from: ForeignMapping | undefined }

/** Runs `linklog import` with the arguments after the word `import`; gives the exit status. */
export async function importCommand (args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = readArguments('import', args, {
    ...serviceOptions, format: { type: 'string' }, rejected: { type: 'string' }, from: { type: 'string' }, 'keep-domain': { type: 'boolean' }
  })
  if (values.help === true) {
    streams.stdout.write(importHelp)
    return exitCodes.ok
  }
  const options = optionsOf(values, positionals)
  const service = new ServiceClient(values, requestsAtOnce)
  const rejectedFile = new RejectedFile(options.rejected)
  try {
    return await importRows(options, new BulkClient(service), rejectedFile, streams)
  } finally {
    await rejectedFile.close()
    await service.close()
  }
}

interface Given { readonly format?: string | undefined, readonly rejected?: string | undefined, readonly from?: string | undefined, readonly 'keep-domain'?: boolean | undefined }

/** @throws UsageError */
function optionsOf (given: Given, [file, ...others]: readonly string[]): ImportOptions {
  if (file === undefined) throw new UsageError("Which file? See 'linklog import --help'.")
  if (others.length > 0) throw new UsageError(`One file at a time; what is '${others[0]}'?`)
  const rejected = given.rejected ?? `${file === '-' ? 'stdin' : basename(file)}.rejected.ndjson`
  if (given.from === undefined) {
    if (given['keep-domain'] === true) throw new UsageError('--keep-domain goes with --from.')
    return { file, rejected, format: oneOf('format', ownFormats, given.format ?? ownFormatOf(file)), from: undefined }
  }
  const name = oneOf('from', Object.keys(foreign), given.from)
  const format = oneOf('format', foreignFormats, given.format ?? foreignFormatOf(file))
  if (format === 'sql' && name !== 'yourls') throw new UsageError(`Of ${name} csv and json can be read, not sql.`)
  return { file, rejected, format, from: foreignMapping(foreign[name] as ForeignSource, given['keep-domain'] === true) }
}

/** The form that a file's name promises: `.csv`, `.ndjson` and `.jsonl`; anything else is a URL a line. */
function ownFormatOf (file: string): Format {
  if (/\.csv$/i.test(file)) return 'csv'
  return /\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : 'urls'
}

function foreignFormatOf (file: string): Format {
  return /\.(json|ndjson|jsonl)$/i.test(file) ? 'json' : /\.sql$/i.test(file) ? 'sql' : 'csv'
}

function rowsOf (source: Readable, { format, from }: ImportOptions): AsyncGenerator<Row, void, undefined> {
  if (format === 'urls') return urlRows(source)
  const own = ownMapping(Date.now())
  if (format === 'ndjson') return jsonLineRows(source, own)
  if (from === undefined || format === 'csv') return csvRows(source, from ?? own)
  if (format === 'json') return documentRows(source, from, from.find)
  return sqlRows(source, from, (table) => table.toLowerCase().endsWith('url'), yourls.bareColumns ?? [])
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

async function importRows (options: ImportOptions, client: BulkClient, rejectedFile: RejectedFile, streams: Streams): Promise<number> {
  const { source, sizeBytes } = await openSource(options.file, streams.stdin)
  const startedMs = performance.now()
  const counts: Counts = { created: 0, existing: 0, rejected: 0 }
  const progress = startProgress(streams.stderr, sizeBytes)
  const stop = new AbortController()
  // each request in hand listens to it, and each pause
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
    await work(batches(rowsOf(source, options), batchBounds), requestsAtOnce, stop, async (rows) => {
      for (const [row, outcome] of await carriedOut(rows, client, stop.signal)) {
        counts[outcome.kind]++
        if (outcome.kind === 'rejected') await rejectedFile.add(rejectionOf(row, outcome))
      }
      progress.update(rows.at(-1)?.endBytes ?? 0, counts)
    })
  } finally {
    process.off('SIGINT', onInterrupt)
    source.destroy()
    progress.stop()
    streams.stdout.write(summary(counts, performance.now() - startedMs, rejectedFile.path))
    for (const note of options.from?.notes() ?? []) streams.stderr.write(`${note}\n`)
  }
  if (isInterrupted) return exitCodes.interrupted
  return counts.rejected > 0 ? exitCodes.rejected : exitCodes.ok
}

const rejectionOf = ({ line, input }: Row, { reason, code }: Extract<Outcome, { kind: 'rejected' }>) => ({ line, reason, ...(code !== undefined && { code }), input })

/**
 * The outcome of each record, in order. What comes behind a record's first command is sent only where that made the link, or had made it: were it refused, the
 * others would be about somebody else's.
 */
async function carriedOut (rows: readonly Row[], client: BulkClient, signal: AbortSignal): Promise<ReadonlyMap<Row, Outcome>> {
  const outcomes = new Map<Row, Outcome>()
  for (const row of rows) if (row.problem !== undefined) outcomes.set(row, { kind: 'rejected', reason: row.problem })
  const refused = (row: Row): boolean => outcomes.get(row)?.kind === 'rejected'
  for (let step = 0; ; step++) {
    const open = rows.flatMap((row) => {
      const command = refused(row) ? undefined : row.commands?.[step]
      return command === undefined ? [] : [{ row, command }]
    })
    if (open.length === 0) return new Map(rows.flatMap((row) => outcomes.has(row) ? [[row, outcomes.get(row) as Outcome]] : []))
    const told = await client.send(open.map(({ command }) => command), signal)
    for (const [index, { row }] of open.entries()) {
      const outcome = told[index] as Outcome
      if (step === 0 || outcome.kind === 'rejected') outcomes.set(row, outcome)
    }
  }
}

/**
 * Takes batches one after the other and has up to `concurrency` of them in hand; none is taken before there is a hand for it, which bounds the memory.
 * The first failure stops everything, and is thrown; so does `stop` from outside, without one.
 */
async function work (
  taken: AsyncGenerator<readonly Row[], void, undefined>, concurrency: number, stop: AbortController, each: (rows: readonly Row[]) => Promise<void>
): Promise<void> {
  let failure: { error: unknown } | undefined
  const worker = async () => {
    try {
      while (!stop.signal.aborted) {
        const next = await taken.next()
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
