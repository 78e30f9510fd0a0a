// The arguments of a subcommand, as all of them read theirs: an option that is not known is refused, and --help is always one.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './exit-codes.js'

type Options = NonNullable<ParseArgsConfig['options']>

const help = { help: { type: 'boolean', short: 'h' } } as const

const parse = <const O extends Options>(args: readonly string[], options: O) =>
  parseArgs({ args: [...args], allowPositionals: true, options: { ...options, ...help } })

/** Values by option, with `help`, and what is no option. @throws UsageError for an option that is not known, or lacks its value */
export const readArguments = <const O extends Options>(command: string, args: readonly string[], options: O): ReturnType<typeof parse<O>> => {
  try {
    return parse(args, options)
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)} See 'linklog ${command} --help'.`)
  }
}

/** The one of these that was meant. @throws UsageError naming the option */
export const oneOf = <T extends string>(option: string, values: readonly T[], given: string): T => {
  const found = values.find(value => value === given)
  if (found === undefined) throw new UsageError(`--${option} must be one of ${values.join(', ')}, not '${given}'.`)
  return found
}
