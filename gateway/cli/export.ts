// `linklog export links|revisions|visits`: writes an export of the service to a file or to standard output, and tells a whole one from one that was cut off.
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readArguments } from './arguments.js'
import { exitCodes, ServiceError, UsageError } from './exit-codes.js'
import type { Streams } from './import.js'
import { pause, problemOf, reasonOf, repeatable, retryAfterMsOf, ServiceClient, serviceOptions, textOf } from './service-client.js'

const selection = ['link', 'tag', 'domain', 'from', 'to'] as const

/** The parameters of the routes, each an option of its own; that of the address is taken. */
export const exportParameters = {
  links: ['tag', 'tagMode', 'excludeTag', 'text', 'domain', 'targetHost', 'url', 'createdFrom', 'createdTo', 'state'],
  revisions: selection,
  visits: [...selection, 'bots']
} as const

type What = keyof typeof exportParameters

const optionOf = (parameter: string): string => parameter === 'url' ? 'target-url' : parameter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The options of one kind, in lines that fit a terminal. */
const listed = (what: What): string => exportParameters[what].map((parameter) => `--${optionOf(parameter)}`).reduce((text, option) =>
  text.length - text.lastIndexOf('\n') + option.length > 80 ? `${text},\n              ${option}` : `${text}, ${option}`)

export const exportHelp = `Usage: linklog export links|revisions|visits [options]

Writes all links, their history, or every visit on the log; 'linklog import' takes what
'linklog export links' wrote.

Options:
  --format FORMAT     ndjson or csv (default: by the name of the output, else ndjson)
  --output FILE       where it goes (default: standard output). FILE is there once it is whole;
                      until then it is FILE.part
  --url URL           where the service answers (default http://127.0.0.1:3000)
  --key KEY           sent as 'Authorization: Bearer KEY', for a service that asks for one
  -h, --help          this text

What is to be in it, as in the parameters of the API (docs/api.md):
  links       ${listed('links')}
  revisions   ${listed('revisions')}
  visits      ${listed('visits')}

Exit status: 0 all of it was written, 2 wrong arguments or a file that cannot be written, 3 the
service cannot be reached, keeps failing, or cut it off, 130 stopped by Ctrl-C.
`

const attemptsMax = 8
const options = {
  ...serviceOptions,
  format: { type: 'string' },
  output: { type: 'string' },
  ...Object.fromEntries([...new Set(Object.values(exportParameters).flat())].map((parameter) => [optionOf(parameter), { type: 'string' } as const]))
} as const

interface Asked { readonly path: string, readonly output: string | undefined }

/** @throws UsageError */
function askedFor (values: Readonly<Record<string, unknown>>, [what, ...more]: readonly string[]): Asked {
  if (what === undefined || !Object.hasOwn(exportParameters, what)) throw new UsageError("It is 'linklog export links', 'revisions' or 'visits'. See 'linklog export --help'.")
  if (more.length > 0) throw new UsageError(`What is '${more[0]}'? See 'linklog export --help'.`)
  const output = values['output'] as string | undefined
  const query = new URLSearchParams({ format: String(values['format'] ?? (/\.csv$/i.test(output ?? '') ? 'csv' : 'ndjson')) })
  const parameters = new Map<string, string>(exportParameters[what as What].map((parameter) => [optionOf(parameter), parameter]))
  for (const [option, value] of Object.entries(values)) {
    if (Object.hasOwn(serviceOptions, option) || ['format', 'output', 'help'].includes(option)) continue
    const parameter = parameters.get(option)
    if (parameter === undefined) throw new UsageError(`${what} have no --${option}: see 'linklog export --help'.`)
    query.set(parameter, String(value))
  }
  return { path: `/api/export/${what}?${query.toString()}`, output }
}

/** The body of the answer, once there is one. @throws UsageError for what the service says is wrong with the question; ServiceError */
async function bodyOf (service: ServiceClient, path: string, signal: AbortSignal): Promise<Readable> {
  for (let attempt = 1; ; attempt++) {
    let failure: string
    let retryAfterMs: number | undefined
    try {
      const { statusCode, headers, body } = await service.request({ method: 'GET', path, signal })
      if (statusCode === 200) return body
      failure = `${statusCode} ${problemOf(await textOf(body)).detail}`.trim()
      if (statusCode === 400 || statusCode === 422) throw new UsageError(`The service answered ${failure}`)
      if (!repeatable.has(statusCode)) throw new ServiceError(`The service answered ${failure}`)
      retryAfterMs = retryAfterMsOf(headers)
    } catch (error) {
      if (error instanceof UsageError || error instanceof ServiceError || signal.aborted) throw error
      failure = reasonOf(error)
    }
    if (attempt >= attemptsMax) throw new ServiceError(`${service.url} does not export (tried ${attemptsMax} times): ${failure}`)
    await pause(attempt, retryAfterMs, signal)
  }
}

/** Copies it to its end; gives the bytes. @throws ServiceError where the service cut it off, UsageError where it cannot be written */
async function copy (body: Readable, to: Writable, isFile: boolean): Promise<number> {
  let bytes = 0
  try {
    await pipeline(body, async function * (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length
        yield chunk
      }
    }, to, { end: isFile })
  } catch (error) {
    const { code, syscall = '' } = error as NodeJS.ErrnoException
    // a reader that closes early (`linklog export … | head`) has what it wanted
    if (code === 'EPIPE' && !isFile) return bytes
    if (['open', 'write', 'close'].includes(syscall)) throw new UsageError(`The export cannot be written: ${reasonOf(error)}`)
    throw new ServiceError(`The export was cut off after ${bytes} bytes: ${reasonOf(error)}`)
  }
  return bytes
}

async function write (body: Readable, output: string | undefined, { stdout, stderr }: Streams): Promise<void> {
  if (output === undefined) {
    await copy(body, stdout, false)
    return
  }
  const part = `${output}.part`
  try {
    const bytes = await copy(body, createWriteStream(part), true)
    await rename(part, output)
    stderr.write(`${bytes.toLocaleString('en-US')} bytes in ${output}\n`)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/** Runs `linklog export` with the arguments after the word `export`; gives the exit status. */
export async function exportCommand (args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = readArguments('export', args, options)
  if (values.help === true) {
    streams.stdout.write(exportHelp)
    return exitCodes.ok
  }
  const { path, output } = askedFor(values, positionals)
  const service = new ServiceClient({ url: values.url, key: values.key }, 1)
  const stop = new AbortController()
  const onInterrupt = (): void => stop.abort()
  process.once('SIGINT', onInterrupt)
  try {
    await write(await bodyOf(service, path, stop.signal), output, streams)
    return exitCodes.ok
  } catch (error) {
    if (!stop.signal.aborted) throw error
    return exitCodes.interrupted
  } finally {
    process.off('SIGINT', onInterrupt)
    await service.close()
  }
}
