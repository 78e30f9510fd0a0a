// The built service as a process of its own, on a stack that it brings along or on one that is named, so that its processor time can be told apart.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readUse } from './stack.js'

const serverPath = fileURLToPath(new URL('../gateway/server.js', import.meta.url))
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000

export interface ServiceOptions {
  readonly dataDir: string
  /** Settings beside those that a benchmark always makes: any free ports. */
  readonly env?: Readonly<Record<string, string>>
  /** Arguments of the service, such as --workers 2. */
  readonly args?: readonly string[]
  /** Put before the command, such as taskset -c 0. */
  readonly prefix?: readonly string[]
}

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(task =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(text => text !== '').map(Number))
  } catch {
    return []
  }
}

export class ServiceProcess {
  readonly url: string
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
  readonly ksqldbUrl: string
  readonly pid: number
  readonly #child: ChildProcess

  private constructor (child: ChildProcess, readyLine: string) {
    const [, url = '', kafka = '', registry = '', ksqldb = ''] = /ready: (\S+) \(Kafka ([^,]+(?:,[^, ]+:\d+)*), Schema Registry (\S+), ksqlDB (\S+)\)/.exec(readyLine) ?? []
    this.url = url
    this.kafkaBrokers = kafka
    this.schemaRegistryUrl = registry
    this.ksqldbUrl = ksqldb
    this.pid = child.pid ?? 0
    this.#child = child
  }

  /** Starts it and waits for its ready line. @throws Error with what it printed where it ends, or is not ready in time. */
  static async start ({ dataDir, env = {}, args = [], prefix = [] }: ServiceOptions): Promise<ServiceProcess> {
    const [command = process.execPath, ...rest] = [...prefix, process.execPath, serverPath, ...args]
    const child = spawn(command, rest, {
      env: { ...process.env, HOST: '127.0.0.1', PORT: '0', EMBEDDED_KAFKA_PORT: '0', EMBEDDED_REGISTRY_PORT: '0', EMBEDDED_KSQLDB_PORT: '0', DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let printed = ''
    const line = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`The service was not ready within ${READY_TIMEOUT_MS} ms: ${printed}`)), READY_TIMEOUT_MS)
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
        const ready = /^.*is ready: .*$/m.exec(printed)?.[0]
        if (ready === undefined) return
        clearTimeout(late)
        resolve(ready)
      })
      child.once('exit', code => {
        clearTimeout(late)
        reject(new Error(`The service ended with ${code ?? 'a signal'} before it was ready: ${printed}`))
      })
    })
    return new ServiceProcess(child, line)
  }

  #uses (): { readonly gateway: ReturnType<typeof readUse>, readonly others: readonly ReturnType<typeof readUse>[] } {
    const others: ReturnType<typeof readUse>[] = []
    const waiting = childrenOf(this.pid)
    for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
      others.push(readUse(pid))
      waiting.push(...childrenOf(pid))
    }
    return { gateway: readUse(this.pid), others }
  }

  /** Processor time of the gateway's own process and of all that it started, in seconds. */
  cpuSeconds (): { readonly gateway: number, readonly others: number } {
    const { gateway, others } = this.#uses()
    return { gateway: gateway.cpuSeconds, others: others.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) }
  }

  /** Memory of their own (heap, buffers) that they have now, without the pages of files that the system keeps for them. */
  memoryMiB (): { readonly gateway: number, readonly others: number } {
    const { gateway, others } = this.#uses()
    return { gateway: gateway.anonymousMiB, others: others.reduce((sum, { anonymousMiB }) => sum + anonymousMiB, 0) }
  }

  async stop (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(force)
  }
}
