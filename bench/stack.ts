// The embedded stack as a process of its own, so that what it uses can be told apart from what the benchmark uses.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const cliPath = fileURLToPath(new URL('../embedded/cli.js', import.meta.url))
/** What Linux counts processor time in: USER_HZ is 100 on all that Node runs on. */
const TICKS_PER_SECOND = 100
const SAMPLE_MS = 100
const MIB = 1024

export interface Addresses {
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
  readonly ksqldbUrl: string
}

/** The figures that Linux keeps of a process; zeros elsewhere. */
export function readUse (pid: number | undefined): { cpuSeconds: number, rssMiB: number, anonymousMiB: number, fileMiB: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    return { cpuSeconds, rssMiB: kib('VmRSS') / MIB, anonymousMiB: kib('RssAnon') / MIB, fileMiB: kib('RssFile') / MIB }
  } catch {
    return { cpuSeconds: 0, rssMiB: 0, anonymousMiB: 0, fileMiB: 0 }
  }
}

export class StackProcess implements Addresses {
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
  readonly ksqldbUrl: string
  /** Largest resident set since `resetPeak`, with the pages of the state store that the system keeps in memory for it. */
  peakRssMiB = 0
  /** The process's own at most, RssAnon: heap, buffers. */
  peakAnonymousMiB = 0
  /** Mapped pages of files at most, RssFile: the state store and the program, which the system may take back at any time. */
  peakFileMiB = 0
  readonly #child: ChildProcess
  readonly #sampling: NodeJS.Timeout

  private constructor (child: ChildProcess, addresses: Addresses) {
    this.kafkaBrokers = addresses.kafkaBrokers
    this.schemaRegistryUrl = addresses.schemaRegistryUrl
    this.ksqldbUrl = addresses.ksqldbUrl
    this.#child = child
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS).unref()
  }

  /** `profileDir`: where a profile of its processor time is written at the end; none where undefined. */
  static async start (dataDir: string, profileDir: string | undefined): Promise<StackProcess> {
    const child = fork(cliPath, ['--data-dir', dataDir, '--kafka-port', '0', '--registry-port', '0', '--ksqldb-port', '0'], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir]
    })
    const addresses = await new Promise<Addresses>((resolve, reject) => {
      child.once('message', message => resolve(message as Addresses))
      child.once('exit', code => reject(new Error(`The embedded stack ended with ${code ?? 'a signal'} before it was ready`)))
    })
    return new StackProcess(child, addresses)
  }

  get pid (): number | undefined {
    return this.#child.pid
  }

  #sample (): void {
    const { rssMiB, anonymousMiB, fileMiB } = readUse(this.#child.pid)
    this.peakRssMiB = Math.max(this.peakRssMiB, rssMiB)
    this.peakAnonymousMiB = Math.max(this.peakAnonymousMiB, anonymousMiB)
    this.peakFileMiB = Math.max(this.peakFileMiB, fileMiB)
  }

  resetPeak (): void {
    this.peakRssMiB = this.peakAnonymousMiB = this.peakFileMiB = 0
    this.#sample()
  }

  /** Processor time used so far, user and system. */
  cpuSeconds (): number {
    return readUse(this.#child.pid).cpuSeconds
  }

  async stop (): Promise<void> {
    clearInterval(this.#sampling)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await ended
  }
}
