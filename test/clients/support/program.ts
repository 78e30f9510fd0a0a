// Clients in other languages: a program does the operations and prints one line of JSON for each; here they become the test's results.
import { run } from './process.js'
import type { Test } from 'tap'
import type { Operation, Stack } from './stacks.js'

interface Line { readonly operation: string, readonly ok: boolean, readonly detail?: string }

export interface Program {
  readonly command: string
  /** Given before the arguments `<operation> <brokers> <registry url or empty>`. */
  readonly args: readonly string[]
  readonly timeoutMs?: number
}

/** Each operation is one run of the program. It passes where the program says so and ends with 0. */
export function programOperations (program: () => Program, names: readonly string[]): Record<string, Operation> {
  const operation = (name: string): Operation => async (t: Test, stack: Stack) => {
    const { command, args, timeoutMs } = program()
    const result = await run(command, [...args, name, stack.brokers, stack.registryUrl ?? ''], { timeoutMs: timeoutMs ?? 60_000 })
    const lines = result.stdout.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line) as Line)
    for (const line of lines) t.ok(line.ok, line.detail ?? name)
    t.ok(lines.length > 0, 'the program said what it did')
    if (result.code !== 0) t.fail(`${name} ended with ${result.code ?? 'a signal'}`, { stdout: result.stdout.slice(-3000), stderr: result.stderr.slice(-3000) })
  }
  return Object.fromEntries(names.map(name => [name, operation(name)]))
}
