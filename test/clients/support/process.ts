// Runs foreign programs for the client tests: to their end with what they printed, or until they say that they are up.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { ChildProcess } from 'node:child_process'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
}

export interface RunResult {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

const MAX_OUTPUT = 8 * 1024 * 1024 // characters

/** Runs to the end. Rejects where the program cannot be started or takes longer than `timeoutMs` (60 s). */
export async function run (command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout = (stdout + text).slice(-MAX_OUTPUT) })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr = (stderr + text).slice(-MAX_OUTPUT) })
  child.stdin.on('error', () => {}) // a program may end without reading its input
  child.stdin.end(options.input ?? '')
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${command} ${args.join(' ')} took longer than ${options.timeoutMs ?? 60_000} ms\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`))
    }, options.timeoutMs ?? 60_000)
    child.once('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', code => {
      clearTimeout(timer)
      resolve({ code: code ?? undefined, stdout, stderr })
    })
  })
}

/** True where the program can be run and ends well. */
export async function works (command: string, args: readonly string[]): Promise<boolean> {
  return await run(command, args, { timeoutMs: 20_000 }).then(({ code }) => code === 0, () => false)
}

/** Starts a server and waits until one of its lines contains `sign`. Rejects where it ends before. */
export async function startUntil (command: string, args: readonly string[], sign: string, options: RunOptions = {}): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const last: string[] = []
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      child.kill('SIGKILL')
      reject(new Error(`${command} ${reason}\n${last.join('\n')}`))
    }
    const timer = setTimeout(() => { fail(`did not say "${sign}" in time`) }, options.timeoutMs ?? 90_000)
    const read = (line: string) => {
      last.push(line)
      if (last.length > 50) last.shift()
      if (!line.includes(sign)) return
      clearTimeout(timer)
      resolve()
    }
    createInterface({ input: child.stdout }).on('line', read)
    createInterface({ input: child.stderr }).on('line', read)
    child.once('error', error => { fail(error.message) })
    child.once('exit', code => {
      clearTimeout(timer)
      fail(`ended with ${code ?? 'a signal'}`)
    })
  })
  return child
}

/** Ends a process that startUntil gave and waits for its end. */
export async function stop (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('close', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  child.kill(signal)
  await ended
  clearTimeout(timer)
}

/** A program that runs on while its lines are looked at. */
export class LineProcess {
  readonly #child: ChildProcess
  readonly #unread: string[] = []
  #errors = ''
  #wake = () => {}

  constructor (command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', line => {
      this.#unread.push(line)
      this.#wake()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.#errors = (this.#errors + text).slice(-4000) })
    child.once('close', () => { this.#wake() })
  }

  /** The next line that is looked for; those before it are passed over. Rejects where the program ends first or takes longer than `timeoutMs`. */
  async line (wanted: (line: string) => boolean, timeoutMs = 40_000): Promise<string> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, timeoutMs)
    try {
      for (;;) {
        for (let line = this.#unread.shift(); line !== undefined; line = this.#unread.shift()) if (wanted(line)) return line
        if (late || this.#child.exitCode !== null) throw new Error(`The line did not come: ${this.#errors}`)
        await new Promise<void>(resolve => { this.#wake = resolve })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> { await stop(this.#child, signal) }
}
